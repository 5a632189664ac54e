"""A Salesforce org on loopback: REST, SOQL, Tooling, Bulk 2.0 and SOAP over records in memory."""
