package cluster

import (
	"context"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/wealth-companion/companion/rehearsal/process"
)

// EtcdAddress is where etcd listens, for the control plane alone.
const EtcdAddress = "127.0.0.1:12379"

const (
	apiPort  = "6443"
	etcdPeer = "127.0.0.1:12380"
)

// The names of the control plane's certificates are also the users' they are for.
const (
	authority      = "ca"
	frontAuthority = "front-proxy-ca"
	adminUser      = "admin"
)

func (c *Cluster) apiURL() string {
	return "https://" + net.JoinHostPort(c.network.Host().String(), apiPort)
}

func (c *Cluster) certificates() error {
	for _, name := range []string{authority, frontAuthority, "etcd-ca"} {
		if err := c.pki.authority(name); err != nil {
			return err
		}
	}
	host, api := c.network.Host().String(), c.network.API().String()
	leaves := []struct {
		authority, name string
		subject         pkix.Name
		hosts           []string
	}{
		{"etcd-ca", "etcd", pkix.Name{CommonName: "etcd"}, []string{"127.0.0.1", "localhost"}},
		{authority, "kube-apiserver", pkix.Name{CommonName: "kube-apiserver"}, []string{
			host, api, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		{authority, "kubelet-client", pkix.Name{CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}}, nil},
		{frontAuthority, "front-proxy-client", pkix.Name{CommonName: "front-proxy-client"}, nil},
		{authority, adminUser, pkix.Name{CommonName: adminUser, Organization: []string{"system:masters"}}, nil},
		{authority, "kube-controller-manager", pkix.Name{CommonName: "system:kube-controller-manager"}, nil},
		{authority, "kube-scheduler", pkix.Name{CommonName: "system:kube-scheduler"}, nil},
	}
	for _, leaf := range leaves {
		if err := c.pki.leaf(leaf.authority, leaf.name, leaf.subject, leaf.hosts...); err != nil {
			return err
		}
	}
	for _, user := range []string{adminUser, "kube-controller-manager", "kube-scheduler"} {
		if err := c.writeKubeconfig(user); err != nil {
			return err
		}
	}
	return c.pki.signingKey("service-accounts")
}

func (c *Cluster) kubeconfig(user string) string {
	return filepath.Join(c.dir, "kubeconfig", user)
}

// writeKubeconfig writes the kubeconfig with which the holder of the
// certificate of that name reaches the API server.
func (c *Cluster) writeKubeconfig(user string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["rehearsal"] = &clientcmdapi.Cluster{Server: c.apiURL(), CertificateAuthority: c.pki.cert(authority)}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificate: c.pki.cert(user), ClientKey: c.pki.key(user)}
	config.Contexts["rehearsal"] = &clientcmdapi.Context{Cluster: "rehearsal", AuthInfo: user}
	config.CurrentContext = "rehearsal"
	return clientcmd.WriteToFile(*config, c.kubeconfig(user))
}

// writeTokenReview writes the kubeconfig with which the API server has tokens checked,
// and returns its path.
func (c *Cluster) writeTokenReview() (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["tokens"] = &clientcmdapi.Cluster{Server: c.review}
	config.Contexts["tokens"] = &clientcmdapi.Context{Cluster: "tokens"}
	config.CurrentContext = "tokens"
	path := c.kubeconfig("token-review")
	return path, clientcmd.WriteToFile(*config, path)
}

// startControlPlane runs etcd, the API server, the controllers and the
// scheduler, and returns when the API server answers that it is ready.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	if err := c.certificates(); err != nil {
		return err
	}
	review, err := c.writeTokenReview()
	if err != nil {
		return err
	}
	for _, spec := range []process.Spec{c.etcd(), c.apiServer(review), c.controllerManager(), c.scheduler()} {
		if err := c.processes.Ensure(spec); err != nil {
			return err
		}
	}
	return c.waitForAPI(ctx)
}

func (c *Cluster) etcd() process.Spec {
	return process.Spec{Name: "etcd", Path: c.binaries["etcd"], Args: []string{
		"--name=rehearsal",
		"--data-dir=" + filepath.Join(c.dir, "etcd"),
		"--listen-client-urls=https://" + EtcdAddress,
		"--advertise-client-urls=https://" + EtcdAddress,
		"--listen-peer-urls=https://" + etcdPeer,
		"--initial-advertise-peer-urls=https://" + etcdPeer,
		"--initial-cluster=rehearsal=https://" + etcdPeer,
		"--cert-file=" + c.pki.cert("etcd"), "--key-file=" + c.pki.key("etcd"),
		"--trusted-ca-file=" + c.pki.cert("etcd-ca"), "--client-cert-auth",
		"--peer-cert-file=" + c.pki.cert("etcd"), "--peer-key-file=" + c.pki.key("etcd"),
		"--peer-trusted-ca-file=" + c.pki.cert("etcd-ca"), "--peer-client-cert-auth",
		// The cluster does not outlive the machine, so only a power cut could
		// lose what is not flushed, and slow disks would slow every request.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}}
}

func (c *Cluster) apiServer(review string) process.Spec {
	return process.Spec{Name: "kube-apiserver", Path: c.binaries["kube-apiserver"], Args: []string{
		"--advertise-address=" + c.network.Host().String(),
		"--bind-address=" + c.network.Host().String(),
		"--secure-port=" + apiPort,
		"--etcd-servers=https://" + EtcdAddress,
		"--etcd-cafile=" + c.pki.cert("etcd-ca"),
		"--etcd-certfile=" + c.pki.cert("etcd"), "--etcd-keyfile=" + c.pki.key("etcd"),
		"--client-ca-file=" + c.pki.cert(authority),
		"--tls-cert-file=" + c.pki.cert("kube-apiserver"), "--tls-private-key-file=" + c.pki.key("kube-apiserver"),
		"--kubelet-certificate-authority=" + c.pki.cert(authority),
		"--kubelet-client-certificate=" + c.pki.cert("kubelet-client"),
		"--kubelet-client-key=" + c.pki.key("kubelet-client"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.pki.key("service-accounts"),
		"--service-account-signing-key-file=" + c.pki.key("service-accounts"),
		"--service-cluster-ip-range=" + c.network.Services.String(),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--authentication-token-webhook-config-file=" + review,
		"--authentication-token-webhook-version=v1",
		"--authentication-token-webhook-cache-ttl=5s",
		"--allow-privileged=true",
		// The host has no kube-proxy: webhooks are called at their pods' addresses.
		"--enable-aggregator-routing=true",
		"--requestheader-client-ca-file=" + c.pki.cert(frontAuthority),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.pki.cert("front-proxy-client"),
		"--proxy-client-key-file=" + c.pki.key("front-proxy-client"),
		"--profiling=false",
	}}
}

func (c *Cluster) controllerManager() process.Spec {
	config := c.kubeconfig("kube-controller-manager")
	return process.Spec{Name: "kube-controller-manager", Path: c.binaries["kube-controller-manager"], Args: []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--root-ca-file=" + c.pki.cert(authority),
		"--service-account-private-key-file=" + c.pki.key("service-accounts"),
		"--cluster-signing-cert-file=" + c.pki.cert(authority),
		"--cluster-signing-key-file=" + c.pki.key(authority),
		"--use-service-account-credentials=true",
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
	}}
}

func (c *Cluster) scheduler() process.Spec {
	config := c.kubeconfig("kube-scheduler")
	return process.Spec{Name: "kube-scheduler", Path: c.binaries["kube-scheduler"], Args: []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
	}}
}

// restConfig is the rehearsal's own way to the cluster, as its administrator.
func (c *Cluster) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig(adminUser))
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	config.QPS, config.Burst = 50, 100
	return config, nil
}

func (c *Cluster) client() (kubernetes.Interface, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func (c *Cluster) waitForAPI(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return poll(ctx, 2*time.Minute, "the API server to be ready (its log: "+c.processes.LogFile("kube-apiserver")+")",
		func(ctx context.Context) error {
			return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		})
}

// poll tries until it succeeds; what it awaited and the last error are in the
// error when it does not.
func poll(ctx context.Context, limit time.Duration, awaited string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", limit, awaited, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
