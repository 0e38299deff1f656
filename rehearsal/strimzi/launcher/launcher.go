// Package launcher starts Apache Kafka in a pod of the stand-in for Strimzi, and
// answers the pod's probes. It takes the place of the shell scripts of Strimzi's
// Kafka image, so the image needs no shell.
package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Folders of the Kafka image and of what the operator mounts into it.
const (
	defaultHome = "/opt/kafka"
	defaultJava = "/opt/java"

	configFolder  = "custom-config" // below the home; what follows lies in it
	serverConfig  = "server.config"
	clusterIDFile = "cluster.id"
	metadataFile  = "metadata.version"
	loggingConfig = "log4j2.properties"
	finalConfig   = "strimzi.properties" // below the temporary folder
)

// A broker of the rehearsal shares one machine with everything else. These flags
// keep it at about 250 MB; a Kafka resource that sets jvmOptions overrides them.
const (
	smallHeap       = "-Xmx256m"
	smallProcess    = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
	smallCleaner    = "16777216" // Kafka's own default, 128 MB, does not fit the heap
	cleanerProperty = "log.cleaner.dedupe.buffer.size"
	smallHeapLimit  = 1 << 30
)

// Launcher says where things are and which options the pod's environment gives.
type Launcher struct {
	Home    string // the image's Kafka: libs/ and custom-config/ are below it
	Java    string // the Java runtime: bin/java is below it
	Temp    string // a folder to write in
	Getenv  func(string) string
	Control string // root of the control groups, to learn of the memory limit
	Proc    string // root of the process files, for the liveness probe
	Log     *slog.Logger
	Output  io.Writer // what formatting prints
}

// New reads the places from the environment; the image's are the defaults.
func New(log *slog.Logger) *Launcher {
	orElse := func(value, other string) string {
		if value == "" {
			return other
		}
		return value
	}
	return &Launcher{
		Home:    orElse(os.Getenv("KAFKA_HOME"), defaultHome),
		Java:    orElse(os.Getenv("JAVA_HOME"), defaultJava),
		Temp:    os.TempDir(),
		Getenv:  os.Getenv,
		Control: "/sys/fs/cgroup",
		Proc:    "/proc",
		Log:     log,
		Output:  os.Stdout,
	}
}

// Run formats the log directories if that was never done, then becomes Kafka.
// It returns only with an error.
func (l *Launcher) Run(ctx context.Context) error {
	command, err := l.Prepare(ctx)
	if err != nil {
		return err
	}
	l.Log.Info("starting Kafka", "command", strings.Join(command, " "))
	// Kafka takes the launcher's place, so the kubelet's SIGTERM reaches it and
	// starts a controlled shutdown.
	if err := syscall.Exec(command[0], command, os.Environ()); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	return nil
}

// Prepare does everything but start Kafka, and returns the command that does.
func (l *Launcher) Prepare(ctx context.Context) ([]string, error) {
	config, err := l.configure()
	if err != nil {
		return nil, err
	}
	if err := l.format(ctx, config); err != nil {
		return nil, err
	}
	logging := filepath.Join(l.configDir(), loggingConfig)
	command := []string{l.java(), l.heap()}
	if minimum := l.minimumHeap(); minimum != "" {
		command = append(command, minimum)
	}
	command = append(command, l.performance()...)
	command = append(command,
		"-XX:+ExitOnOutOfMemoryError",
		"-Djava.awt.headless=true",
		// Brokers change their addresses when they are rolled, and at the first
		// start none has one: neither answer may be kept for long.
		"-Dsun.net.inetaddr.ttl=5", "-Dsun.net.inetaddr.negative.ttl=1",
		"-Dlog4j2.configurationFile="+logging,
		"-Dkafka.logs.dir="+l.Temp,
	)
	command = append(command, strings.Fields(l.Getenv("STRIMZI_JAVA_SYSTEM_PROPERTIES"))...)
	command = append(command, strings.Fields(l.Getenv("KAFKA_OPTS"))...)
	return append(command, "-cp", l.libs(), "kafka.Kafka", l.finalConfig()), nil
}

// configure copies the operator's configuration to where Kafka reads it, with
// what a small heap needs in front, where the resource's own word overrides it.
func (l *Launcher) configure() (properties, error) {
	source := filepath.Join(l.configDir(), serverConfig)
	content, err := os.ReadFile(source)
	if err != nil {
		return nil, fmt.Errorf("broker configuration: %w", err)
	}
	config, err := readProperties(source)
	if err != nil {
		return nil, fmt.Errorf("broker configuration: %w", err)
	}
	if _, set := config[cleanerProperty]; !set && heapBytes(l.heap()) < smallHeapLimit {
		content = append([]byte(cleanerProperty+"="+smallCleaner+"\n"), content...)
	}
	if err := os.WriteFile(l.finalConfig(), content, 0o600); err != nil {
		return nil, fmt.Errorf("broker configuration: %w", err)
	}
	return config, nil
}

// format prepares log directories that have never been used. One that has been
// is left alone: Kafka itself refuses a directory of another cluster.
func (l *Launcher) format(ctx context.Context, config properties) error {
	dirs := config.logDirs()
	if len(dirs) == 0 {
		return errors.New("broker configuration: log.dirs is empty")
	}
	formatted := 0
	for _, dir := range dirs {
		_, err := os.Stat(filepath.Join(dir, "meta.properties"))
		switch {
		case err == nil:
			formatted++
		case !errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("log directory: %w", err)
		}
	}
	if formatted == len(dirs) {
		return nil
	}
	clusterID, err := l.configValue(clusterIDFile)
	if err != nil {
		return err
	}
	metadata, err := l.configValue(metadataFile)
	if err != nil {
		return err
	}
	l.Log.Info("formatting the log directories", "dirs", dirs, "cluster", clusterID, "metadata", metadata)
	command := exec.CommandContext(ctx, l.java(), "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dlog4j2.configurationFile="+filepath.Join(l.configDir(), loggingConfig),
		"-cp", l.libs(), "kafka.tools.StorageTool", "format",
		"--cluster-id", clusterID, "--release-version", metadata,
		"--config", l.finalConfig(), "--ignore-formatted")
	command.Stdout, command.Stderr = l.Output, l.Output
	if err := command.Run(); err != nil {
		return fmt.Errorf("format the log directories: %w", err)
	}
	return nil
}

func (l *Launcher) configValue(name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(l.configDir(), name))
	if err != nil {
		return "", fmt.Errorf("broker configuration: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

func (l *Launcher) configDir() string   { return filepath.Join(l.Home, configFolder) }
func (l *Launcher) finalConfig() string { return filepath.Join(l.Temp, finalConfig) }
func (l *Launcher) java() string        { return filepath.Join(l.Java, "bin", "java") }
func (l *Launcher) libs() string        { return filepath.Join(l.Home, "libs", "*") }

// heap is the Kafka resource's -Xmx, or a share of the container's memory limit
// as Strimzi computes it, or small.
func (l *Launcher) heap() string {
	for _, option := range strings.Fields(l.Getenv("KAFKA_HEAP_OPTS")) {
		if strings.HasPrefix(option, "-Xmx") {
			return option
		}
	}
	percent, err := strconv.ParseInt(l.Getenv("STRIMZI_DYNAMIC_HEAP_PERCENTAGE"), 10, 64)
	if err != nil || percent <= 0 {
		return smallHeap
	}
	limit := l.memoryLimit()
	if limit == 0 {
		return smallHeap
	}
	heap := limit * percent / 100
	if most, err := strconv.ParseInt(l.Getenv("STRIMZI_DYNAMIC_HEAP_MAX"), 10, 64); err == nil && heap > most {
		heap = most
	}
	return fmt.Sprintf("-Xmx%d", heap)
}

func (l *Launcher) minimumHeap() string {
	for _, option := range strings.Fields(l.Getenv("KAFKA_HEAP_OPTS")) {
		if strings.HasPrefix(option, "-Xms") {
			return option
		}
	}
	return ""
}

func (l *Launcher) performance() []string {
	if options := strings.Fields(l.Getenv("KAFKA_JVM_PERFORMANCE_OPTS")); len(options) > 0 {
		return options
	}
	return strings.Fields(smallProcess)
}

// memoryLimit is the container's limit in bytes, 0 without one.
func (l *Launcher) memoryLimit() int64 {
	const unlimited = 1 << 50 // cgroup v1 writes a number near the largest
	for _, file := range []string{"memory/memory.limit_in_bytes", "memory.max"} {
		content, err := os.ReadFile(filepath.Join(l.Control, file))
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
		if err == nil && limit < unlimited {
			return limit
		}
	}
	return 0
}

// heapBytes reads an -Xmx option; what it cannot read counts as small.
func heapBytes(option string) int64 {
	value := strings.ToLower(strings.TrimPrefix(option, "-Xmx"))
	factor := int64(1)
	for suffix, f := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if number, ok := strings.CutSuffix(value, suffix); ok {
			value, factor = number, f
			break
		}
	}
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0
	}
	return number * factor
}
