import java.io.*;
import java.sql.*;
import java.util.*;
import org.postgresql.util.PSQLException;

/* As transact.py, for pgjdbc; with autocommit off, but for hold. */
public class Transact
{
	static final List<Connection> held = new ArrayList<>();

	public static void main(String[] arguments) throws Exception
	{
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null; )
		{
			String[] parts = line.split("\t");
			try
			{
				System.out.println("ok " + transact(parts[0], parts[1], parts[2]));
			}
			catch (PSQLException problem)
			{
				String reason = problem.getServerErrorMessage() == null ? null : problem.getServerErrorMessage().getConstraint();
				System.out.println("error " + problem.getSQLState() + " " + reason + " " + problem.getMessage().replaceAll("\\s+", " "));
			}
		}
	}

	static String transact(String mode, String url, String sql) throws SQLException
	{
		Properties properties = new Properties();
		properties.setProperty("password", System.getenv("PGPASSWORD"));
		Connection connection = DriverManager.getConnection(url, properties);
		if (mode.equals("hold"))
		{
			held.add(connection);
			return value(connection, sql);
		}
		try (connection)
		{
			connection.setAutoCommit(false);
			String value = value(connection, sql);
			if (mode.equals("rollback"))
				connection.rollback();
			else if (mode.equals("commit"))
				connection.commit();
			return value; /* error: it is closed without either */
		}
	}

	static String value(Connection connection, String sql) throws SQLException
	{
		ResultSet row = connection.createStatement().executeQuery(sql);
		row.next();
		return row.getString(1);
	}
}
