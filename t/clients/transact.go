// As transact.py, for lib/pq.
package main

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lib/pq"
)

var held []*sql.DB

func transact(mode, target, statement string) (value string, err error) {
	db, err := sql.Open("postgres", target)
	if err != nil {
		return
	}
	if mode == "hold" {
		held = append(held, db)
		err = db.QueryRow(statement).Scan(&value)
		return
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return
	}
	if err = tx.QueryRow(statement).Scan(&value); err != nil {
		tx.Rollback()
		return
	}
	switch mode {
	case "commit":
		err = tx.Commit()
	case "error":
		tx.Exec("SELECT 1/0")
		tx.Commit()
	default:
		err = tx.Rollback()
	}
	return
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.Split(lines.Text(), "\t")
		value, err := transact(parts[0], parts[1], parts[2])
		var refused *pq.Error
		if errors.As(err, &refused) {
			fmt.Println("error", refused.Code, refused.Constraint, refused.Message)
		} else if err != nil {
			fmt.Println("error", strings.Join(strings.Fields(err.Error()), " "))
		} else {
			fmt.Println("ok", value)
		}
	}
}
