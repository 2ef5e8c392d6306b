# ask.py MODULE: for each line "folder TAB connection string", what a connection from that folder says.
import importlib
import os
import sys

driver = importlib.import_module(sys.argv[1])
for line in sys.stdin:
    folder, target = line.rstrip("\n").split("\t")
    os.chdir(folder)
    try:
        connection = driver.connect(target)
        cursor = connection.cursor()
        cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        print("in", "TLS" if cursor.fetchone()[0] else "plaintext")
        connection.close()
    except Exception as problem:
        print("out", " ".join(str(problem).split()))
    sys.stdout.flush()
