// ask.js MODULE: for each line "folder TAB URI", what a connection from that folder says.
const fs = require('fs');
const driver = require(process.argv[2]);
const question = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

async function ask_pg(uri) {
	const client = new driver.Client(uri);
	client.on('error', () => {});
	await client.connect();
	const { rows } = await client.query(question);
	await client.end();
	return rows[0].ssl;
}

// "postgres" sends what it does not know of the URI to the server: it gets the files by an object.
async function ask_postgres(uri) {
	const url = new URL(uri);
	const tls = url.searchParams.get('sslmode') !== 'disable';
	const ssl = tls && { ca: fs.readFileSync('root.crt'), rejectUnauthorized: true };
	if (tls && fs.existsSync('client.crt'))
		Object.assign(ssl, { cert: fs.readFileSync('client.crt'), key: fs.readFileSync('client.key') });
	url.search = '';
	const sql = driver(url.toString(), { ssl, max: 1, password: process.env.PGPASSWORD, connect_timeout: 120 });
	try {
		return (await sql.unsafe(question))[0].ssl;
	} finally {
		await sql.end({ timeout: 1 });
	}
}

async function main() {
	const ask = driver.Client ? ask_pg : ask_postgres;
	for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
		const [folder, uri] = line.split('\t');
		process.chdir(folder);
		try {
			console.log(await ask(uri) ? 'in TLS' : 'in plaintext');
		} catch (problem) {
			console.log('out', `${problem.code || ''} ${problem.message || problem}`.replace(/\s+/g, ' '));
		}
	}
	process.exit(0);
}

main();
