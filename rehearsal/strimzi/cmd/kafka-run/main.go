// Command kafka-run is the entry point of the rehearsal's Kafka image, and its
// probes: `kafka-run`, `kafka-run ready`, `kafka-run alive`.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/wealth-companion/companion/rehearsal/strimzi/launcher"
)

// A probe that takes longer than this has failed; the pod's own limit is 5 s.
const probeTimeout = 4 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	kafka := launcher.New(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	if len(args) == 0 {
		return kafka.Run(context.Background())
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	switch args[0] {
	case "ready":
		return kafka.Ready(ctx)
	case "alive":
		return kafka.Alive()
	}
	return fmt.Errorf("unknown command %q: say nothing to start Kafka, or `ready` or `alive`", args[0])
}
