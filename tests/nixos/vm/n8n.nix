# n8n keeps its data in PostgreSQL as itself, without a password, and only a tunnel leads to it.
{ helpers, ... }:
{
  globalTimeout = 20 * 60;

  nodes.jex.imports = [
    ./common/appliance.nix
    ./common/without-speech.nix
  ];
  nodes.laptop.imports = [ ./common/laptop.nix ];

  testScript = helpers + ''
    start_all()
    jex.wait_for_unit("n8n.service")

    with subtest("n8n is healthy, its database included"):
        jex.wait_until_succeeds("curl --silent --fail http://127.0.0.1:5678/healthz/readiness", timeout=300)

    with subtest("its tables are in PostgreSQL, and its own"):
        t.assertGreater(int(query(jex, "select count(*) from migrations")), 0)
        owners = query(jex, "select distinct tableowner from pg_tables where schemaname = 'public'")
        t.assertEqual(owners, "n8n")
        jex.fail("test -e /var/lib/n8n/.n8n/database.sqlite")

    with subtest("it comes by the socket, without a password"):
        t.assertEqual(query(jex, "select distinct client_addr is null from pg_stat_activity where usename = 'n8n'"), "t")
        t.assertEqual(query(jex, "select count(*) from pg_authid where rolpassword is not null", "postgres"), "0")
        t.assertEqual(query(jex, "show listen_addresses", "postgres"), "")
        jex.fail("runuser -u owner -- psql --username n8n --dbname n8n --command 'select 1'")

    with subtest("a runner for code has joined it"):
        jex.wait_for_unit("n8n-task-runner.service")
        jex.wait_until_succeeds("ss -Htn state established '( dport = :5679 )' | grep -q .", timeout=60)

    with subtest("its key is the one that a backup holds"):
        key = secrets(jex)["n8n-encryption-key"]
        t.assertIn(key, jex.succeed("cat /var/lib/n8n/.n8n/config"))

    with subtest("the owner's tunnel leads to it, the network does not"):
        laptop.wait_for_unit("multi-user.target")
        laptop.fail("curl --silent --max-time 5 http://jex:5678/healthz")
        tunnel(laptop, "jex", 5678)
        laptop.succeed("curl --silent --fail http://127.0.0.1:5678/healthz")
  '';
}
