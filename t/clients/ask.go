// For each line "folder TAB URI", what a connection from that folder says.
package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"strings"

	_ "github.com/lib/pq"
)

func ask(uri string) string {
	db, err := sql.Open("postgres", uri)
	if err == nil {
		defer db.Close()
		var ssl bool
		err = db.QueryRow("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&ssl)
		if err == nil && ssl {
			return "in TLS"
		} else if err == nil {
			return "in plaintext"
		}
	}
	return "out " + strings.Join(strings.Fields(err.Error()), " ")
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), "\t", 2)
		if err := os.Chdir(parts[0]); err != nil {
			panic(err)
		}
		fmt.Println(ask(parts[1]))
	}
}
