import java.io.*;
import java.sql.*;
import java.util.Properties;

/* For each line "folder TAB URL", what a connection says; the folder is the one it was started in. */
public class Ask
{
	public static void main(String[] arguments) throws Exception
	{
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null; )
			System.out.println(ask(line.split("\t")[1]));
	}

	static String ask(String url)
	{
		Properties properties = new Properties();
		properties.setProperty("password", System.getenv("PGPASSWORD"));
		try (Connection connection = DriverManager.getConnection(url, properties);
			Statement statement = connection.createStatement();
			ResultSet row = statement.executeQuery("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
		{
			row.next();
			return row.getBoolean(1) ? "in TLS" : "in plaintext";
		}
		catch (Throwable problem)
		{
			String text = "out";
			for (; problem != null; problem = problem.getCause())
				text += " " + problem.getMessage() + ";";
			return text.replaceAll("\\s+", " ");
		}
	}
}
