// @hubspot/api-client against the sandbox: prints what it did and found as one JSON object.
import { Client } from '@hubspot/api-client';

const info = JSON.parse(process.env.SANDBOX);
const { url, token } = info.hubspot;
const client = new Client({ accessToken: token, basePath: url });
const contacts = client.crm.contacts;
const out = {};

const all = await contacts.getAll(100, undefined, ['email', 'lastname']);
out.contacts = all.map((row) => ({ id: row.id, email: row.properties.email }));

const made = await contacts.basicApi.create({ properties: { email: 'node@clients.example', firstname: 'No', lastname: 'De' } });
out.made = made.id;

const search = await contacts.searchApi.doSearch({
  filterGroups: [{ filters: [{ propertyName: 'email', operator: 'EQ', value: 'node@clients.example' }] }],
  properties: ['firstname'],
  limit: 10,
});
out.search = { total: search.total, id: search.results[0].id, firstname: search.results[0].properties.firstname };

const batch = await contacts.batchApi.create({
  inputs: Array.from({ length: 50 }, (_, n) => ({ properties: { email: `node${n}@clients.example` }, associations: [] })),
});
out.batch = batch.results.map((row) => row.id);

const company = await client.crm.companies.basicApi.create({ properties: { name: 'Node Works', domain: 'node.example' } });
await client.crm.associations.v4.basicApi.createDefault('contacts', made.id, 'companies', company.id);
const linked = await client.crm.associations.v4.basicApi.getPage('contacts', made.id, 'companies');
out.linked = linked.results.map((row) => [row.toObjectId, row.associationTypes.map((type) => type.typeId).sort()]);
out.company = company.id;

const other = await contacts.basicApi.create({ properties: { email: 'node-other@clients.example' } });
const merged = await contacts.basicApi.merge({ primaryObjectId: made.id, objectIdToMerge: other.id });
out.merged = merged.id;
out.resolved = (await contacts.basicApi.getById(other.id)).id;

const failures = {};
for (const [name, act] of Object.entries({
  missing: () => contacts.basicApi.getById('999999999'),
  conflict: () => contacts.basicApi.create({ properties: { email: 'node@clients.example' } }),
  invalid: () => contacts.basicApi.create({ properties: { nosuchproperty: '1' } }),
})) {
  try {
    await act();
  } catch (error) {
    failures[name] = { status: error.code, category: error.body?.category };
  }
}
out.failures = failures;

const oauth = info.oauth.hubspot;
const tokens = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, oauth.client_id, oauth.client_secret, oauth.refresh_token);
const session = new Client({ accessToken: tokens.accessToken, basePath: url });
out.owners = (await session.crm.owners.ownersApi.getPage()).results.length;
const raw = await session.apiRequest({ path: '/account-info/v3/details' });
out.portal = (await raw.json()).portalId;
out.types = (await client.crm.properties.coreApi.getAll('contacts')).results.length;
out.stages = (await client.crm.pipelines.pipelinesApi.getAll('deals')).results[0].stages.length;

console.log(JSON.stringify(out));
