// Package testcluster starts a real etcd and a real kube-apiserver for tests.
//
// There is no kubelet: pods are never run, and a test that needs one to be
// ready writes its status itself. What controllers do is there on request.
package testcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Workloads are the controllers that turn workloads into pods, Services into
// endpoints, and deletions into what is gone.
var Workloads = []string{
	"daemonset-controller", "deployment-controller", "endpointslice-controller",
	"garbage-collector-controller", "job-controller", "namespace-controller",
	"replicaset-controller", "statefulset-controller",
}

const startTimeout = 90 * time.Second // the builders of a cold machine may be busy

// Cluster is a running API server.
type Cluster struct {
	Config     *rest.Config
	Kubeconfig []byte
	Clients    kubernetes.Interface

	environment *envtest.Environment
	controllers *exec.Cmd
	ended       chan struct{} // closed when the controllers are gone
	dir         string
}

// Start starts a cluster that lives as long as the test.
func Start(t testing.TB, controllers ...string) *Cluster {
	t.Helper()
	cluster, err := New(controllers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// Shared returns functions to get one cluster for all tests of a package, which
// starts with the first that asks, and to stop it, for TestMain.
func Shared(controllers ...string) (get func(testing.TB) *Cluster, stop func()) {
	start := sync.OnceValues(func() (*Cluster, error) { return New(controllers...) })
	var running *Cluster
	get = func(t testing.TB) *Cluster {
		t.Helper()
		cluster, err := start()
		if err != nil {
			t.Fatal(err)
		}
		running = cluster
		return cluster
	}
	stop = func() {
		if running == nil {
			return
		}
		if err := running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return get, stop
}

// New starts a cluster, with the named controllers of kube-controller-manager
// when there are any.
func New(controllers ...string) (*Cluster, error) {
	binaries, err := Binaries()
	if err != nil {
		return nil, err
	}
	needed := []string{"etcd", "kube-apiserver"}
	if len(controllers) > 0 {
		needed = append(needed, "kube-controller-manager")
	}
	for _, name := range needed {
		if _, err := os.Stat(filepath.Join(binaries, name)); err != nil {
			return nil, fmt.Errorf("no %s in %s: build the rehearsal's parts first (make parts), "+
				"or set KUBEBUILDER_ASSETS to a folder that has it", name, binaries)
		}
	}
	dir, err := os.MkdirTemp("", "testcluster-")
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{dir: dir, environment: &envtest.Environment{
		BinaryAssetsDirectory:    binaries,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  time.Minute,
	}}
	cluster.Config, err = cluster.environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting etcd and kube-apiserver: %w", err), cluster.Stop())
	}
	cluster.Kubeconfig = cluster.environment.KubeConfig
	cluster.Clients, err = kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	if len(controllers) > 0 {
		if err := cluster.control(filepath.Join(binaries, "kube-controller-manager"), controllers); err != nil {
			return nil, errors.Join(fmt.Errorf("starting kube-controller-manager: %w", err), cluster.Stop())
		}
	}
	return cluster, nil
}

// Binaries is the folder with the Kubernetes programs: KUBEBUILDER_ASSETS, or
// the rehearsal's cache.
func Binaries() (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("REHEARSAL_CACHE"); dir != "" {
		return filepath.Join(dir, "bin"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder with the Kubernetes programs: set REHEARSAL_CACHE or HOME: %w", err)
	}
	return filepath.Join(cache, "companion-rehearsal", "bin"), nil
}

func (c *Cluster) control(path string, controllers []string) error {
	config := filepath.Join(c.dir, "kubeconfig")
	if err := os.WriteFile(config, c.Kubeconfig, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.dir, "kube-controller-manager.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c.controllers = exec.Command(path,
		"--kubeconfig="+config,
		"--leader-elect=false",
		"--secure-port=0",
		"--controllers="+strings.Join(controllers, ","),
		"--concurrent-gc-syncs=5",
	)
	c.controllers.Stdout, c.controllers.Stderr = log, log
	// Whatever ends the test must end this process too.
	c.controllers.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.controllers.Start(); err != nil {
		c.controllers = nil
		return err
	}
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		_ = c.controllers.Wait()
	}()
	return nil
}

// Stop ends the cluster and removes what it wrote.
func (c *Cluster) Stop() error {
	var errs []error
	if c.controllers != nil {
		_ = c.controllers.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.ended:
		case <-time.After(15 * time.Second):
			errs = append(errs, errors.New("kube-controller-manager did not end; killing it"))
			_ = c.controllers.Process.Kill()
			<-c.ended
		}
	}
	errs = append(errs, c.environment.Stop(), os.RemoveAll(c.dir))
	return errors.Join(errs...)
}

// Namespace makes a namespace for one test. It goes with the cluster.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	made, err := c.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Name
}
