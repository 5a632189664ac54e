// jsforce beyond records: Bulk 1.0, pages, layouts, tooling, trees. Prints what it found as JSON.
import jsforce from 'jsforce';

const info = JSON.parse(process.env.SANDBOX);
const { login_url: loginUrl, client_id: clientId, client_secret: clientSecret } = info.salesforce;
const version = '61.0';
const conn = new jsforce.Connection({ loginUrl, instanceUrl: loginUrl, version, oauth2: { clientId, clientSecret, loginUrl } });
await conn.authorize({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
const out = {};
conn.bulk.pollInterval = 20;
conn.bulk.pollTimeout = 30000;

// Bulk 1.0: a load with one bad row, and a query.
const rows = Array.from({ length: 30 }, (_, n) => ({ LastName: `Old ${n}`, Company: 'Bulk One' }));
const loaded = await conn.bulk.load('Lead', 'insert', [...rows, { LastName: 'No company', Company: '' }]);
out.loaded = { good: loaded.filter((row) => row.success).length, bad: loaded.filter((row) => !row.success).map((row) => row.errors[0].split(':')[0]) };
const stream = await conn.bulk.query("SELECT Id, LastName FROM Lead WHERE Company = 'Bulk One' ORDER BY Id");
out.queried = (await stream.toArray()).length;

// What screens are made of.
out.tabs = (await conn.tabs()).map((one) => one.sobjectName);
out.theme = (await conn.theme()).themeItems.length;
out.actions = (await conn.quickActions()).map((one) => one.name);
out.recent = (await conn.recent()).length;
const lead = conn.sobject('Lead');
const layouts = await lead.layouts();
out.layout = layouts.layouts[0].detailLayoutSections[0].layoutRows.length;
out.compact = (await lead.compactLayouts()).compactLayouts[0].name;
out.approvals = (await lead.approvalLayouts()).approvalLayouts;
const views = await lead.listviews();
const shown = await lead.listview(views.listviews[0].id).results();
out.listview = { size: shown.size, label: shown.label };
out.rules = await conn.process.rule.list();

// Queries: groups, parents by kind, aggregates.
const groups = await conn.query("SELECT Company, COUNT(Id) n FROM Lead WHERE Company = 'Bulk One' GROUP BY Company HAVING COUNT(Id) > 1");
out.groups = groups.records.map((row) => [row.Company, row.n]);
out.tooling = (await conn.tooling.describeGlobal()).sobjects.map((one) => one.name);
out.apex = (await conn.tooling.executeAnonymous('x();')).compiled;
const made = await lead.create({ LastName: 'Changed', Company: 'Bulk One' });
const now = new Date((await conn.query('SELECT MAX(SystemModstamp) m FROM Lead')).records[0].m);
const updated = await lead.updated(new Date(now.getTime() - 3600_000), new Date(now.getTime() + 3600_000));
out.updated = updated.ids.includes(made.id) || updated.latestDateCovered;
const tree = await conn.requestPost('/composite/tree/Account', {
  records: [{ attributes: { type: 'Account', referenceId: 'a' }, Name: 'Tree', Contacts: { records: [{ attributes: { type: 'Contact', referenceId: 'c' }, LastName: 'Leaf' }] } }],
});
const ids = Object.fromEntries(tree.results.map((row) => [row.referenceId, row.id]));
out.parent = (await conn.requestGet(`/sobjects/Contact/${ids.c}/Account`)).Id === ids.a;
out.missing = await conn.apex.get('/Nothing/').catch((error) => error.errorCode);
await conn.logoutByOAuth2(true);
out.loggedOut = await conn.query('SELECT Id FROM Lead LIMIT 1').then(() => 'no', (error) => error.name || error.errorCode);

console.log(JSON.stringify(out));
