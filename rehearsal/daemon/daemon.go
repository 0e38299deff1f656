// Package daemon is the part of the rehearsal that goes on running: it answers
// as DigitalOcean's API, as the image registry and as the chart repository,
// boots the cluster that the API is asked for, balances its load, takes its
// e-mails, and keeps PostgreSQL running.
package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/wealth-companion/companion/rehearsal/cluster"
	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/image"
	"github.com/wealth-companion/companion/rehearsal/mail"
	"github.com/wealth-companion/companion/rehearsal/postgres"
	"github.com/wealth-companion/companion/rehearsal/process"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// Name is the daemon's name among the rehearsal's processes.
const Name = "daemon"

// Plan is what `rehearsal up` tells the daemon: what was built, and where it is.
type Plan struct {
	State      string              `json:"state"`
	Binaries   map[string]string   `json:"binaries"`
	Images     string              `json:"images"` // the folder of the image store
	Charts     string              `json:"charts"` // the folder of the chart repository
	PauseImage string              `json:"pauseImage"`
	Addons     cluster.AddonImages `json:"addons"`
	// Definitions is the folder of the Gateway API's custom resource definitions.
	Definitions string `json:"definitions"`
}

// WritePlan writes the plan where Run reads it.
func WritePlan(path string, plan Plan) error {
	raw, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// ReadPlan reads what WritePlan wrote.
func ReadPlan(path string) (Plan, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Plan{}, fmt.Errorf("the daemon's plan: %w (run `rehearsal up`)", err)
	}
	var plan Plan
	if err := json.Unmarshal(raw, &plan); err != nil {
		return Plan{}, fmt.Errorf("the daemon's plan %s: %w", path, err)
	}
	return plan, nil
}

// Network is where the rehearsal's cluster lives.
func Network() cluster.Network {
	return cluster.Network{Bridge: settings.Bridge, VPC: settings.VPC, Pods: settings.Pods, Services: settings.Services}
}

// Postgres is the rehearsal's PostgreSQL server.
func Postgres(state string, secrets settings.Secrets) postgres.Server {
	return postgres.Server{
		Database: settings.Database,
		Dir:      filepath.Join(state, "postgresql"),
		Address:  Network().Host(),
		Port:     settings.PostgresPort,
		Allowed:  []netip.Prefix{settings.VPC, settings.Pods},
		Password: secrets.PostgresAdmin,
	}
}

// tokenReviewPath is where the API server has tokens checked. It is no path of
// DigitalOcean's.
const tokenReviewPath = "/token-review"

// Run serves until ctx ends. What it started goes on running then: the next
// daemon takes it up, and `rehearsal down` ends it.
func Run(ctx context.Context, plan Plan, secrets settings.Secrets, log *slog.Logger) error {
	processes, err := process.New(plan.State, log)
	if err != nil {
		return err
	}
	defer processes.Release()
	network := Network()
	if err := network.Up(ctx); err != nil {
		return err
	}
	registry := net.JoinHostPort(network.Host().String(), settings.RegistryPort)

	// The API takes existing clusters up while it is being made, and their load
	// balancers are then told to an API that is not there yet: they wait for it.
	var api *doapi.Server
	made := make(chan struct{})
	options := cluster.Options{
		StateDir: plan.State, Binaries: plan.Binaries, Network: network,
		Registry: registry, PauseImage: plan.PauseImage, Images: plan.Addons,
		Ports:     map[int32]int{80: settings.HTTPPort, 443: settings.HTTPSPort},
		Processes: processes, Log: log, Definitions: plan.Definitions,
		TokenReview: "http://" + settings.APIAddress + tokenReviewPath,
		LoadBalancer: func(name string, service *corev1.Service) {
			<-made
			announce(api, name, service, log)
		},
	}
	doks := cluster.New(options)
	defer doks.Release()
	if api, err = doapi.New(filepath.Join(plan.State, "digitalocean"), secrets.DigitalOceanToken, cluster.NewBackend(doks)); err != nil {
		return fmt.Errorf("DigitalOcean's API: %w", err)
	}
	close(made)
	defer func() { _ = api.Close() }()

	images, err := image.Open(plan.Images)
	if err != nil {
		return err
	}
	private, err := image.NewPrivate(images, filepath.Join(plan.State, "pushed.json"), api)
	if err != nil {
		return fmt.Errorf("the image registry: %w", err)
	}
	digitalOcean := http.NewServeMux()
	digitalOcean.Handle("/", api)
	digitalOcean.Handle("POST "+tokenReviewPath, api.TokenReview())
	charts := http.NewServeMux()
	charts.Handle("/charts/", http.StripPrefix("/charts/", http.FileServer(http.Dir(plan.Charts))))
	servers := map[string]http.Handler{
		registry:               image.Mirror(image.Handler(images, settings.RegistryHost), settings.RegistryHost, private),
		settings.PushAddress:   private,
		settings.ChartsAddress: charts,
		settings.APIAddress:    digitalOcean,
	}
	failed := make(chan error, len(servers)+1)
	for address, handler := range servers {
		stop, err := serve(address, handler, failed)
		if err != nil {
			return err
		}
		defer stop()
	}
	stopMail, err := takeMail(net.JoinHostPort(network.Host().String(), strconv.Itoa(settings.MailPort)), settings.Folders{State: plan.State}.Mail(), failed)
	if err != nil {
		return err
	}
	defer stopMail()
	if err := Postgres(plan.State, secrets).Start(ctx, processes); err != nil {
		return err
	}
	log.Info("the rehearsal's daemon is ready", "api", settings.APIAddress, "registry", registry, "charts", settings.ChartsAddress)
	if err := os.WriteFile(ReadyFile(plan.State), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return err
	}
	defer func() { _ = os.Remove(ReadyFile(plan.State)) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// ReadyFile exists, with the daemon's process id, while the daemon answers.
func ReadyFile(state string) string { return filepath.Join(state, "daemon.ready") }

func serve(address string, handler http.Handler, failed chan<- error) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("%s: %w", address, err)
		}
	}()
	return func() { _ = server.Close() }, nil
}

// takeMail keeps what is sent by SMTP to address in a folder.
func takeMail(address, dir string, failed chan<- error) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	server := mail.NewServer(dir)
	go func() {
		if err := mail.Serve(server, listener); err != nil {
			failed <- fmt.Errorf("%s: %w", address, err)
		}
	}()
	return func() { _ = server.Close() }, nil
}

// announce keeps the account's load balancers what Kubernetes made of them.
func announce(api *doapi.Server, name string, service *corev1.Service, log *slog.Logger) {
	if service == nil {
		if err := api.RemoveLoadBalancer(name); err != nil {
			log.Warn("load balancer not removed from the account", "name", name, "error", err)
		}
		return
	}
	balancer := doapi.LoadBalancer{Name: name, IP: "127.0.0.1"}
	for _, port := range service.Spec.Ports {
		balancer.Rules = append(balancer.Rules, doapi.ForwardingRule{
			EntryProtocol: "tcp", EntryPort: int(port.Port), TargetProtocol: "tcp", TargetPort: int(port.NodePort),
		})
	}
	if err := api.PutLoadBalancer(balancer); err != nil {
		log.Warn("load balancer not in the account", "name", name, "error", err)
	}
}
