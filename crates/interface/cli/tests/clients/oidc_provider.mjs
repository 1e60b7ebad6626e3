// An identity provider on a free port, for a client that comes back to the one address it is given. It says where it
// is, and ends with its input.
//
//   node oidc_provider.mjs MODULES REDIRECT_URI
import http from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// Nobody reads what it has to say beside that, and a closed pipe would end it.
const say = console.log;
for (const name of ['log', 'info', 'warn', 'error']) console[name] = () => {};

const [modules, redirectUri] = process.argv.slice(2);
const found = createRequire(`${modules}/`).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found));

const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: 'tenon', client_secret: 'secret-of-tenon', redirect_uris: [redirectUri] }],
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: id !== 'mallory', groups: ['staff'] }),
  }),
});
server.on('request', provider.callback());
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
say(issuer);
