package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/provision"
)

// databaseName is that of the services' database.
const databaseName = "companion"

// secret is a password that is made when it is first asked for.
func (s *Stack) secret(name string) string {
	if _, ok := s.secrets[name]; !ok {
		s.secrets[name] = strings.ReplaceAll(uuid.NewString()+uuid.NewString(), "-", "")
	}
	return s.secrets[name]
}

func (s *Stack) addPostgreSQL() error {
	bin, err := pgtest.Programs()
	if err != nil {
		return err
	}
	dir := filepath.Join(s.dir, "postgresql")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	credential, err := pgtest.Credential(dir)
	if err != nil {
		return err
	}
	as := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(s.secret("admin")), 0o644); err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if out, err := as(exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=admin", "--pwfile="+password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	args := []string{"-D", data, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", fmt.Sprintf("port=%d", s.port(PostgreSQL)),
		"-c", "max_connections=200", "-c", "shared_buffers=128MB"}
	if s.options.Counted {
		args = append(args, "-c", "shared_preload_libraries=pg_stat_statements")
	}
	if !s.options.Durable {
		// A process that is killed loses nothing that way: what it wrote, the
		// kernel has. synchronous_commit stays on.
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	s.add(&process{
		name: PostgreSQL, restart: true,
		command: func() *exec.Cmd { return as(exec.Command(filepath.Join(bin, "postgres"), args...)) },
		ready: func(ctx context.Context) error {
			connection, err := pgx.Connect(ctx, s.DatabaseURL("admin", "postgres"))
			if err != nil {
				return err
			}
			return connection.Close(ctx)
		},
	})
	return s.lead(PostgreSQL, PostgreSQL)
}

// DatabaseURL leads to PostgreSQL past the network that can be cut: as "admin",
// or as a service.
func (s *Stack) DatabaseURL(user, database string) string {
	return s.databaseURL(user, database, PostgreSQL)
}

func (s *Stack) databaseURL(user, database, to string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", user, s.secret(user), s.at(to), database)
}

// Pool connects to a service's tables, past the network that can be cut.
func (s *Stack) Pool(service string) *pgxpool.Pool {
	s.t.Helper()
	pool, err := pgxpool.New(s.t.Context(), s.DatabaseURL(service, databaseName))
	s.must(err)
	s.t.Cleanup(pool.Close)
	return pool
}

func (s *Stack) prepareDatabase(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, s.DatabaseURL("admin", "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	if _, err := connection.Exec(ctx, "CREATE DATABASE "+databaseName); err != nil {
		return err
	}
	var services []provision.Service
	for _, service := range Services() {
		services = append(services, provision.Service{Name: service, Password: s.secret(service)})
	}
	if err := provision.Prepare(ctx, s.DatabaseURL("admin", databaseName), s.secret(provision.Migrator), services); err != nil {
		return err
	}
	if s.options.Counted {
		if err := s.count(ctx); err != nil {
			return err
		}
	}
	if s.options.Binaries == "" {
		return provision.Migrate(ctx, s.DatabaseURL(provision.Migrator, databaseName), Services(), slog.New(slog.DiscardHandler))
	}
	return s.giveSchemas(ctx, services)
}

// count makes what PostgreSQL counts visible.
func (s *Stack) count(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, s.DatabaseURL("admin", databaseName))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	_, err = connection.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	return err
}

// giveSchemas lets services migrate their own schemas.
func (s *Stack) giveSchemas(ctx context.Context, services []provision.Service) error {
	connection, err := pgx.Connect(ctx, s.DatabaseURL("admin", databaseName))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	for _, service := range services {
		if _, err := connection.Exec(ctx, fmt.Sprintf("ALTER SCHEMA %[1]s OWNER TO %[1]s", pgx.Identifier{service.Name}.Sanitize())); err != nil {
			return err
		}
	}
	return nil
}

// redisServer is Debian's checker of Redis's files, which is the server under
// another name.
const redisServer = "/usr/bin/redis-check-rdb"

func (s *Stack) addRedis() error {
	dir := filepath.Join(s.dir, "redis")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(redisServer); err != nil {
		return errors.New("Redis is not on this machine: `make packages` installs it")
	}
	s.add(&process{
		name: Redis,
		command: func() *exec.Cmd {
			cmd := exec.Command(redisServer)
			cmd.Args = []string{"redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(s.port(Redis)),
				"--requirepass", s.secret(Redis), "--dir", dir, "--save", "", "--appendonly", "no"}
			return cmd
		},
		ready: func(ctx context.Context) error { return s.pingRedis(ctx) },
	})
	return s.lead(Redis, Redis)
}

// pingRedis speaks Redis's protocol, of which it needs two words.
func (s *Stack) pingRedis(ctx context.Context) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.at(Redis))
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := fmt.Fprintf(connection, "AUTH %s\r\nPING\r\n", s.secret(Redis)); err != nil {
		return err
	}
	answer := make([]byte, 64)
	got := ""
	for !strings.Contains(got, "+PONG") {
		n, err := connection.Read(answer)
		if err != nil {
			return fmt.Errorf("it said %q: %w", got, err)
		}
		got += string(answer[:n])
	}
	return nil
}

// brokerSettings are those of a broker that is its own controller and small.
// It has two listeners: one that services reach by the network that can be cut,
// and one past it.
const brokerSettings = `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[1]s
listeners=SERVICES://%[2]s,DIRECT://%[3]s,CONTROLLER://%[1]s
advertised.listeners=SERVICES://%[4]s,DIRECT://%[3]s
listener.security.protocol.map=SERVICES:PLAINTEXT,DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
log.dirs=%[5]s
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
`

func (s *Stack) addKafka() error {
	dir := filepath.Join(s.dir, "kafka")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := s.lead(Kafka, "kafka services"); err != nil {
		return err
	}
	config := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(config, fmt.Appendf(nil, brokerSettings, s.at("kafka controller"), s.at("kafka services"), s.at(Kafka),
		s.at("network to "+Kafka), filepath.Join(dir, "data")), 0o644); err != nil {
		return err
	}
	logging := filepath.Join(dir, "log4j2.properties")
	if err := os.WriteFile(logging, []byte("rootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\n"+
		"appender.out.name=out\nappender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d %p %c: %m%n\n"), 0o644); err != nil {
		return err
	}
	java := func(args ...string) *exec.Cmd {
		return exec.Command(filepath.Join(s.parts.java, "bin", "java"), append([]string{
			"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
			"-Dlog4j2.configurationFile=" + logging, "-Dkafka.logs.dir=" + dir, "-cp", filepath.Join(s.parts.kafka, "*"),
		}, args...)...)
	}
	format := java("kafka.tools.StorageTool", "format", "--cluster-id", "c3RhY2stb24tbG9vcGJhYw", "--config", config)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's storage: %w: %s", err, out)
	}
	s.add(&process{
		name: Kafka, restart: true,
		command: func() *exec.Cmd { return java("kafka.Kafka", config) },
		ready: func(ctx context.Context) error {
			limited, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			connection, err := admin.Connect(limited, admin.Config{Brokers: []string{s.at(Kafka)}}, func(error) {})
			if err != nil {
				return err
			}
			return connection.Close()
		},
	})
	return nil
}

func (s *Stack) makeTopics(ctx context.Context) error {
	var err error
	if s.Kafka, err = admin.Connect(ctx, admin.Config{Brokers: []string{s.at(Kafka)}}, func(error) {}); err != nil {
		return err
	}
	return s.Kafka.Apply(ctx, admin.Wanted(1), 1, func(admin.Change) {})
}

// KafkaAddress is the broker's, past the network that can be cut.
func (s *Stack) KafkaAddress() string { return s.at(Kafka) }
