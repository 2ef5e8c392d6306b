# transact.py MODULE: for each line "MODE TAB connection string TAB SQL", runs SQL as the driver does by
# default, ends it as MODE says (commit, rollback, error: an exception behind it; hold: stays until the end;
# unread: commit behind a cursor on the server that nothing is fetched from), and says "ok VALUE" or "error SQLSTATE REASON MESSAGE".
import asyncio
import importlib
import sys

driver = importlib.import_module(sys.argv[1])
held = []


class Behind(Exception):
    pass


def transact(mode, target, sql):
    connection = driver.connect(target)
    if mode == "unread":
        connection.cursor("unread").execute(sql)
        connection.commit()
        connection.close()
        return "unread"
    cursor = connection.cursor()
    if mode == "hold":
        held.append(connection)
        cursor.execute(sql)
        value = cursor.fetchone()[0]
        connection.commit()
        return value
    if mode == "rollback":
        cursor.execute(sql)
        value = cursor.fetchone()[0]
        connection.rollback()
        connection.close()
        return value
    try:
        with connection:
            cursor.execute(sql)
            value = cursor.fetchone()[0]
            if mode == "error":
                raise Behind
    except Behind:
        pass
    connection.close()
    return value


async def transact_asyncpg(mode, target, sql):
    connection = await driver.connect(target)
    if mode == "hold":
        held.append(connection)
        return await connection.fetchval(sql)
    if mode == "unread":
        async with connection.transaction():
            await connection.cursor(sql)
        value = "unread"
    elif mode == "rollback":
        transaction = connection.transaction()
        await transaction.start()
        value = await connection.fetchval(sql)
        await transaction.rollback()
    else:
        try:
            async with connection.transaction():
                value = await connection.fetchval(sql)
                if mode == "error":
                    raise Behind
        except Behind:
            pass
    await connection.close()
    return value


loop = asyncio.new_event_loop()
for line in sys.stdin:
    mode, target, sql = line.rstrip("\n").split("\t")
    try:
        if sys.argv[1] == "asyncpg":
            print("ok", loop.run_until_complete(transact_asyncpg(mode, target, sql)))
        else:
            print("ok", transact(mode, target, sql))
    except Exception as problem:
        diag = getattr(problem, "diag", None)
        state = getattr(problem, "sqlstate", None) or getattr(problem, "pgcode", None)
        reason = diag.constraint_name if diag else getattr(problem, "constraint_name", None)
        print("error", state, reason, " ".join(str(problem).split()))
    sys.stdout.flush()
