// Package service is what every process of the application has: settings, logs,
// a database that is brought up to date, the outbox's relay, the app channel,
// probes and metrics, and an orderly end.
package service

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"

	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// Config is what a process reads from its environment.
type Config struct {
	Name        string // the service's one name
	DatabaseURL string // secret
	PubSub      string // Dapr's component for events
	LogLevel    slog.Level
	SigningKey  string // secret: of access tokens, in the backend only
	AppToken    string // secret: what the sidecar shows when it calls the service
	Journal     string // a folder that outlives the process, for events under way; empty: none
	// Connections is how many to PostgreSQL there are at most, unless its URL says
	// otherwise; 0: as many as agents need, whose events come few at a time.
	Connections int32
	// Where it listens: for people, for the sidecar, for probes and Prometheus.
	PublicAddress     string
	EventsAddress     string
	OperationsAddress string
}

// Where a service listens unless it is configured otherwise; 9090 is the sidecar's.
const (
	publicAddress = ":8080"
	// The app channel is for the pod's own sidecar only.
	eventsAddress     = "127.0.0.1:8081"
	operationsAddress = ":8082"
)

// peoplesConnections are for a service that people wait for: with pgx's four,
// eight at a time were served at two thirds of the rate (docs/benchmarks.md).
// Agents keep the four, or a small PostgreSQL would run out of connections.
const peoplesConnections = 16

// Load reads the settings and reports everything that is missing at once.
func Load(name string, getenv func(string) string, signs bool) (Config, error) {
	config, wrong := load(name, getenv)
	need := func(key string, target *string, what string) {
		if *target = getenv(key); *target == "" {
			wrong = append(wrong, missing(key, what))
		}
	}
	need("DATABASE_URL", &config.DatabaseURL, "the PostgreSQL of this service")
	need("PUBSUB_NAME", &config.PubSub, "the Dapr component that events go through")
	if signs {
		config.Connections = peoplesConnections
		need("AUTH_SIGNING_KEY", &config.SigningKey, "what access tokens are signed with")
		if config.SigningKey != "" && len(config.SigningKey) < 32 {
			wrong = append(wrong, errors.New("AUTH_SIGNING_KEY is too short: it has at least 32 characters"))
		}
	}
	return config, errors.Join(wrong...)
}

func missing(key, what string) error { return fmt.Errorf("%s is not set: it is %s", key, what) }

// LoadStateless is Load for a service that has neither a database nor events.
func LoadStateless(name string, getenv func(string) string) (Config, error) {
	config, wrong := load(name, getenv)
	return config, errors.Join(wrong...)
}

// load reads what every service has.
func load(name string, getenv func(string) string) (config Config, wrong []error) {
	config = Config{
		Name:              name,
		Journal:           getenv("JOURNAL_DIR"),
		PublicAddress:     cmp.Or(getenv("PUBLIC_ADDRESS"), publicAddress),
		EventsAddress:     cmp.Or(getenv("EVENTS_ADDRESS"), eventsAddress),
		OperationsAddress: cmp.Or(getenv("OPERATIONS_ADDRESS"), operationsAddress),
	}
	if config.AppToken = getenv(sidecar.AppToken); config.AppToken == "" {
		wrong = append(wrong, missing(sidecar.AppToken, "what the sidecar shows when it calls this service"))
	}
	if getenv(sidecar.APIToken) == "" { // package bus reads it
		wrong = append(wrong, missing(sidecar.APIToken, "what this service shows when it calls its sidecar"))
	}
	if given := getenv("SERVICE_NAME"); given != "" && given != name {
		wrong = append(wrong, fmt.Errorf("SERVICE_NAME is %q, but this program is %q", given, name))
	}
	if level := getenv("LOG_LEVEL"); level != "" {
		if err := config.LogLevel.UnmarshalText([]byte(level)); err != nil {
			wrong = append(wrong, fmt.Errorf("LOG_LEVEL %q is none of debug, info, warn, error", level))
		}
	}
	return config, wrong
}
