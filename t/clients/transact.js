// As transact.py, for node-postgres.
const { Client } = require('pg');
const readline = require('readline');

async function transact(mode, target, sql) {
	const client = new Client(target);
	client.on('error', () => {});
	await client.connect();
	if (mode === 'hold')
		return Object.values((await client.query(sql)).rows[0])[0];
	try {
		await client.query('BEGIN');
		const value = Object.values((await client.query(sql)).rows[0])[0];
		if (mode === 'error')
			await client.query('SELECT 1/0').catch(() => {});
		await client.query(mode === 'rollback' ? 'ROLLBACK' : 'COMMIT');
		return value;
	} finally {
		await client.end();
	}
}

async function main() {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		try {
			console.log('ok', await transact(...line.split('\t')));
		} catch (problem) {
			console.log('error', problem.code, problem.constraint, `${problem.message}`.replace(/\s+/g, ' '));
		}
	}
	process.exit(0);
}

main();
