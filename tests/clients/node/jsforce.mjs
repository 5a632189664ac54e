// jsforce against the sandbox: prints what it did and found as one JSON object.
import jsforce from 'jsforce';

const info = JSON.parse(process.env.SANDBOX);
const { login_url: loginUrl, client_id: clientId, client_secret: clientSecret } = info.salesforce;
const oauth2 = { clientId, clientSecret, loginUrl };
const version = '61.0';
const out = {};

// Logged in by OAuth client credentials, by a session of another connection, by refresh token.
const conn = new jsforce.Connection({ loginUrl, instanceUrl: loginUrl, version, oauth2 });
await conn.authorize({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
const session = new jsforce.Connection({ instanceUrl: loginUrl, accessToken: conn.accessToken, version });
out.identity = (await session.identity()).organization_id;
const expired = new jsforce.Connection({
  instanceUrl: loginUrl, accessToken: 'gone', refreshToken: info.oauth.salesforce.refresh_token, version, oauth2,
});
out.refreshed = (await expired.query('SELECT Id FROM Lead LIMIT 1')).totalSize;
try {
  await new jsforce.Connection({ loginUrl }).login('admin@leadloop-sandbox.example', 'secret');
} catch (error) {
  out.soapLogin = error.message;
}

// Queries over pages, with parents and children.
const leads = [];
let page = await conn.query('SELECT Id, LastName FROM Lead ORDER BY Id');
for (;;) {
  leads.push(...page.records.map((row) => row.Id));
  if (page.done) break;
  page = await conn.queryMore(page.nextRecordsUrl);
}
out.leads = leads;
const accounts = await conn.sobject('Account').find({}, 'Id, Name').include('Contacts').select('Id, LastName').end().limit(2000).execute();
out.children = Object.fromEntries(accounts.filter((row) => row.Contacts).map((row) => [row.Id, row.Contacts.records.map((one) => one.Id).sort()]));
out.deleted = (await conn.query('SELECT Id FROM Lead WHERE IsDeleted = true', { scanAll: true })).totalSize;

// Describe.
out.objects = (await conn.describeGlobal()).sobjects.map((one) => one.name);
out.fields = (await conn.sobject('Lead').describe()).fields.map((one) => one.name);

// One record, then many.
const lead = conn.sobject('Lead');
const one = await lead.create({ LastName: 'Jay', Company: 'Force & Sons' });
await lead.update({ Id: one.id, Title: 'Boss' });
out.read = (await lead.retrieve(one.id)).Title;
const many = await lead.create([
  ...Array.from({ length: 199 }, (_, n) => ({ LastName: `Many ${n}`, Company: 'Force & Sons' })),
  { LastName: 'No company' },
]);
out.many = { good: many.filter((row) => row.success).length, bad: many.filter((row) => !row.success).map((row) => row.errors[0].errorCode ?? row.errors[0].statusCode) };
const ids = many.filter((row) => row.success).map((row) => row.id);
out.updated = (await lead.update(ids.map((Id) => ({ Id, Title: 'Many' })))).filter((row) => row.success).length;
out.retrieved = (await lead.retrieve(ids)).filter((row) => row.Title === 'Many').length;
out.destroyed = (await lead.destroy(ids)).filter((row) => row.success).length;
try {
  await lead.retrieve(ids[0]);
} catch (error) {
  out.gone = error.errorCode;
}

// Bulk 2.0.
const loaded = await conn.bulk2.loadAndWaitForResults({
  object: 'Lead', operation: 'insert', pollTimeout: 30000, pollInterval: 50,
  input: [...Array.from({ length: 120 }, (_, n) => ({ LastName: `Bulk ${n}`, Company: 'Bulk Force' })), { LastName: 'No company', Company: '' }],
});
out.loaded = { good: loaded.successfulResults.length, bad: loaded.failedResults.map((row) => row.sf__Error.split(':')[0]) };
const stream = await conn.bulk2.query("SELECT Id, LastName FROM Lead WHERE Company = 'Bulk Force'", { pollTimeout: 30000, pollInterval: 50 });
out.bulk = (await stream.toArray()).length;

// What only SOAP can do.
out.converted = await conn.soap.convertLead({ leadId: one.id, convertedStatus: 'Closed - Converted', doNotCreateOpportunity: true });
const twins = await lead.create([{ LastName: 'Twin', Company: 'Two' }, { LastName: 'Twin', Company: 'Two' }]);
out.merged = await conn.soap.merge([{ masterRecord: { type: 'Lead', Id: twins[0].id }, recordToMergeIds: [twins[1].id] }]);
out.twins = twins.map((row) => row.id);
out.undeleted = (await conn.soap.undelete([ids[0]])).map((row) => row.success);
out.back = (await lead.retrieve(ids[0])).LastName;

out.search = (await conn.search('FIND {Jay} IN NAME FIELDS RETURNING Lead(Id, LastName), Contact(Id, LastName)')).searchRecords.map((row) => [row.attributes.type, row.LastName]);
out.limits = Object.keys(await conn.limits());

console.log(JSON.stringify(out));
