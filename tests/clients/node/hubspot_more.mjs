// @hubspot/api-client beyond records: paging, upserts, labels, groups, lists, users, e-mails,
// campaigns' account data and webhooks. Prints what it found as JSON.
import { Client } from '@hubspot/api-client';

const info = JSON.parse(process.env.SANDBOX);
const { url, token } = info.hubspot;
const client = new Client({ accessToken: token, basePath: url });
const contacts = client.crm.contacts;
const out = {};

// A search over several pages.
const emails = Array.from({ length: 130 }, (_, n) => `page${n}@more.example`);
for (let start = 0; start < emails.length; start += 100) {
  await contacts.batchApi.create({ inputs: emails.slice(start, start + 100).map((email) => ({ properties: { email, company: 'Many Pages' }, associations: [] })) });
}
const found = [];
let after;
do {
  const page = await contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'company', operator: 'EQ', value: 'Many Pages' }] }],
    properties: ['email'], sorts: ['hs_object_id'], limit: 50, after,
  });
  found.push(...page.results.map((row) => row.id));
  after = page.paging?.next?.after;
} while (after);
out.searched = [found.length, new Set(found).size];

// Upserts by e-mail, half of them new.
const upserted = await contacts.batchApi.upsert({
  inputs: [...emails.slice(0, 5), ...Array.from({ length: 5 }, (_, n) => `fresh${n}@more.example`)].map((id) => ({ id, idProperty: 'email', properties: { jobtitle: 'Upserted' } })),
});
out.upserted = [upserted.results.length, upserted.results.filter((row) => row._new ?? row['new']).length];
const read = await contacts.batchApi.read({ inputs: found.slice(0, 3).concat('999999999').map((id) => ({ id })), properties: ['email'], propertiesWithHistory: [] });
out.read = [read.results.length, read.numErrors];

// Labels, and associations in batches.
const company = await client.crm.companies.basicApi.create({ properties: { name: 'Label Works' } });
const v4 = client.crm.associations.v4;
const definitions = await v4.schema.definitionsApi.create('contacts', 'companies', { name: 'node_advisor', label: 'Advisor' });
const typeId = definitions.results[0].typeId;
await v4.batchApi.create('contacts', 'companies', {
  inputs: found.slice(0, 3).map((id) => ({ _from: { id }, to: { id: company.id }, types: [{ associationCategory: 'USER_DEFINED', associationTypeId: typeId }] })),
});
const links = await v4.batchApi.getPage('contacts', 'companies', { inputs: found.slice(0, 3).map((id) => ({ id })) });
out.labels = links.results.map((row) => row.to[0].associationTypes.map((type) => type.label));

// Properties and their groups.
const groups = client.crm.properties.groupsApi;
await groups.create('contacts', { name: 'node_group', label: 'Node', displayOrder: -1 });
await client.crm.properties.coreApi.create('contacts', { name: 'node_score', label: 'Score', type: 'number', fieldType: 'number', groupName: 'node_group' });
out.groups = (await groups.getAll('contacts')).results.some((group) => group.name === 'node_group');
await client.crm.properties.coreApi.archive('contacts', 'node_score');
out.property = await client.crm.properties.coreApi.getByName('contacts', 'node_score').then(() => 'there', (error) => error.code);

// The rest of the account.
out.users = (await client.settings.users.usersApi.getPage()).results.map((user) => user.email);
out.roles = (await client.settings.users.rolesApi.getAll()).results.length;
out.emails = (await client.marketing.emails.marketingEmailsApi.getPage()).total;
out.schemas = (await client.crm.schemas.coreApi.getAll()).results.length;
out.imports = await client.crm.imports.coreApi.getPage().then(() => 'open', (error) => [error.code, error.body.category]);
const app = 1234567;
const developer = new Client({ developerApiKey: info.oauth.developer_key, basePath: url });
await developer.webhooks.settingsApi.configure(app, { targetUrl: 'https://node.example/in', throttling: { maxConcurrentRequests: 5, period: 'SECONDLY' } });
const subscription = await developer.webhooks.subscriptionsApi.create(app, { eventType: 'contact.creation', active: false });
out.webhooks = (await developer.webhooks.subscriptionsApi.getAll(app)).results.map((one) => one.eventType);
await developer.webhooks.subscriptionsApi.archive(Number(subscription.id), app);
await developer.webhooks.settingsApi.clear(app);
const oauth = info.oauth.hubspot;
const tokens = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, oauth.client_id, oauth.client_secret, oauth.refresh_token);
out.token = (await client.oauth.accessTokensApi.get(tokens.accessToken)).hubId;

console.log(JSON.stringify(out));
