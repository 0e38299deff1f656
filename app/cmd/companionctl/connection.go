package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/cluster"
)

// The names that infra gives to Kafka's parts.
const (
	kafkaNamespace = "kafka"
	kafkaBootstrap = "events-kafka-bootstrap.kafka.svc:9093"
	kafkaCASecret  = "events-cluster-ca-cert"
	kafkaAdmin     = "admin"
	kafkaSmoke     = "smoke" // may send a transaction all the way, and nothing else
)

// connection is how a command reaches Kafka.
type connection struct {
	kubeconfig string
	user       string // with kubeconfig; kafkaAdmin when empty
	timeout    time.Duration
}

func (c *connection) flags(cmd *cobra.Command) { c.flagsFor(cmd, 2*time.Minute) }

func (c *connection) flagsFor(cmd *cobra.Command, timeout time.Duration) {
	cmd.Flags().StringVar(&c.kubeconfig, "kubeconfig", "", "reach Kafka from outside the cluster, through this cluster's API server (or KUBECONFIG, where KAFKA_BROKERS is not set)")
	cmd.Flags().DurationVar(&c.timeout, "timeout", timeout, "give up after this time")
}

// open connects; the caller calls what it returns when it needs Kafka no more.
func (c *connection) open(ctx context.Context) (*admin.Kafka, func(), error) {
	settings, leave, err := c.settings(ctx)
	if err != nil {
		return nil, nil, err
	}
	kafka, err := admin.Connect(ctx, settings, func(err error) { fmt.Fprintln(os.Stderr, "waiting for Kafka:", err) })
	if err != nil {
		leave()
		return nil, nil, err
	}
	return kafka, func() { _ = kafka.Close(); leave() }, nil
}

// run does something with Kafka, within the time that the flags allow.
func (c *connection) run(parent context.Context, do func(context.Context, *admin.Kafka) error) error {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	kafka, done, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	return do(ctx, kafka)
}

// way is how Kafka is reached: by a kubeconfig, or with none by KAFKA_BROKERS. note says which
// of several was taken, where a person may have meant another.
func (c *connection) way(getenv func(string) string) (kubeconfig, note string, err error) {
	brokers, file := getenv("KAFKA_BROKERS"), getenv("KUBECONFIG")
	switch {
	case c.kubeconfig != "" && brokers != "":
		return c.kubeconfig, "Kafka of the cluster of --kubeconfig; KAFKA_BROKERS is not looked at", nil
	case c.kubeconfig != "":
		return c.kubeconfig, "", nil
	case brokers != "" && file != "":
		return "", "Kafka at KAFKA_BROKERS (" + brokers + "); KUBECONFIG is not looked at", nil
	case brokers != "":
		return "", "", nil
	case file != "":
		return file, "Kafka of the cluster of KUBECONFIG (" + file + ")", nil
	}
	return "", "", errors.New("it is not known which Kafka is meant: set KAFKA_BROKERS inside the cluster, or give --kubeconfig or set KUBECONFIG outside of it")
}

func (c *connection) settings(ctx context.Context) (admin.Config, func(), error) {
	kubeconfig, note, err := c.way(os.Getenv)
	if err != nil {
		return admin.Config{}, nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	if kubeconfig == "" {
		settings, err := environment(os.Getenv, os.ReadFile)
		if err != nil {
			err = fmt.Errorf("%w: %w", errUsage, err)
		}
		return settings, func() {}, err
	}
	inside, err := cluster.Open(kubeconfig)
	if err != nil {
		return admin.Config{}, nil, err
	}
	user := cmp.Or(c.user, kafkaAdmin)
	password, err := inside.Secret(ctx, kafkaNamespace, user, "password")
	if err != nil {
		return admin.Config{}, nil, err
	}
	authority, err := inside.Secret(ctx, kafkaNamespace, kafkaCASecret, "ca.crt")
	if err != nil {
		return admin.Config{}, nil, err
	}
	return admin.Config{
		Brokers: []string{kafkaBootstrap}, Username: user, Password: string(password), CA: authority, Dialer: inside,
	}, inside.Close, nil
}

// environment reads the settings of a program inside the cluster.
func environment(getenv func(string) string, readFile func(string) ([]byte, error)) (admin.Config, error) {
	if getenv("KAFKA_BROKERS") == "" {
		return admin.Config{}, errors.New("KAFKA_BROKERS is not set")
	}
	settings := admin.Config{
		Brokers:  strings.Split(getenv("KAFKA_BROKERS"), ","),
		Username: getenv("KAFKA_USERNAME"), Password: getenv("KAFKA_PASSWORD"),
	}
	if file := getenv("KAFKA_CA_FILE"); file != "" {
		authority, err := readFile(file)
		if err != nil {
			return admin.Config{}, fmt.Errorf("KAFKA_CA_FILE: %w", err)
		}
		settings.CA = authority
	}
	return settings, nil
}

// openCluster reaches the cluster of the flag's value, or of KUBECONFIG.
func openCluster(flag string) (*cluster.Cluster, error) {
	kubeconfig := kubeconfigOr(flag)
	if kubeconfig == "" {
		return nil, fmt.Errorf("%w: --kubeconfig is missing, and KUBECONFIG is not set", errUsage)
	}
	return cluster.Open(kubeconfig)
}

// kubeconfigOr is the flag's value, or KUBECONFIG's.
func kubeconfigOr(flag string) string { return cmp.Or(flag, os.Getenv("KUBECONFIG")) }

// topicNames lists the topics of the catalogue.
func topicNames() []string {
	var names []string
	for _, topic := range event.Catalogue() {
		names = append(names, topic.Name)
	}
	return names
}

// completeWith offers a flag's values to the shell.
func completeWith(cmd *cobra.Command, flag string, values []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
