//go:build rehearsal

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/mail"
	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

const (
	host        = "app.companion.localhost"
	application = host + ":8443" // what links and redirects name
)

// TestRehearsal is production on this machine, from `up` to `down`.
func TestRehearsal(t *testing.T) {
	m := newMachine(t)
	before := m.takenDown(t)
	story(t, []step{
		{"a taken port is told of before anything is started", m.takenPort},
		{"up, killed half-way", m.killedHalfWay},
		{"up goes on and validates", m.goesOn},
		{"every node and pod is ready", m.allReady},
		{"up again changes nothing", m.upAgain},
		{"pulumi finds nothing to change", m.nothingToChange},
		{"people are led to HTTPS", m.leadsToHTTPS},
		{"NGINX sees clients' addresses", m.seesClients},
		{"only valid credentials open the cluster", m.refusesCredentials},
		{"only allowed networks reach the Kubernetes API", m.guardsAPI},
		{"the edge refuses what it must, as problems", m.edgeRefuses},
		{"the edge takes the largest upload that the API takes, and none that is larger", m.edgeTakesUploads},
		{"pages are answered through the edge", m.answersPeople},
		{"a person goes through the pages, from log-in to live alert", m.visitsPages},
		{"links in e-mails open", m.linksOpen},
		{"services reach through Dapr whom they may, and nobody else", m.invokes},
		{"strangers are refused by services and sidecars", m.strangersCall},
		{"a pod cannot leave the machine", m.cannotLeave},
		{"namespaces deny what nobody allowed", m.walledOff},
		{"Prometheus reads what there is", m.watched},
		{"every dashboard has data", m.drawn},
		{"operators are told that nothing is wrong", m.healthy},
		{"a transaction is followed through every hop", m.followsTraces},
		{"every component has a log", m.hasLogs},
		{"prod is previewed beside it", m.previewsProd},
		{"pulumi destroys what it made", m.destroys},
		{"down leaves nothing behind", func(t *testing.T) {
			m.run(t, time.Minute, "down")
			require.Empty(t, difference(before, m.traces(t)))
		}},
	})
}

// step is one step of a story.
type step struct {
	name string
	do   func(*testing.T)
}

// story takes steps of which each stands on the one before.
func story(t *testing.T, steps []step) {
	t.Helper()
	for _, step := range steps {
		if !t.Run(step.name, step.do) {
			t.Fatal("the steps after this one cannot be told")
		}
	}
}

// takenDown has nothing run now, and nothing after the test, and returns what there is of
// the rehearsal on the machine then.
func (m *machine) takenDown(t *testing.T) []string {
	t.Helper()
	m.run(t, time.Minute, "down")
	t.Cleanup(func() { // also when a step fails
		out, err := m.rehearsal(context.Background(), "down").CombinedOutput()
		if err != nil {
			t.Errorf("down: %s", out)
		}
	})
	return m.traces(t)
}

func (m *machine) takenPort(t *testing.T) {
	listener, err := net.Listen("tcp", settings.APIAddress)
	require.NoError(t, err)
	defer listener.Close()
	out, err := m.try(t, time.Minute, "up")
	require.Error(t, err)
	require.Equal(t, 1, strings.Count(out, "\n"), "one line")
	require.Contains(t, out, settings.APIAddress)
	_, err = os.Stat(m.folders.State)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing was begun")
}

// killedHalfWay kills `up` without warning while Pulumi is at work.
func (m *machine) killedHalfWay(t *testing.T) {
	cmd := m.rehearsal(t.Context(), "up")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	log := filepath.Join(m.folders.State, "log", "pulumi-up.log")
	eventually(t, 20*time.Minute, "pulumi makes the cluster's contents", func() bool {
		raw, _ := os.ReadFile(log)
		return bytes.Contains(raw, []byte("Namespace")) || len(ended) > 0
	})
	require.Empty(t, ended, "up ended by itself:\n%s", &out)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, <-ended)
}

func (m *machine) goesOn(t *testing.T) {
	out := m.run(t, 25*time.Minute, "up")
	require.Contains(t, out, "validated: the whole way in")
	require.Contains(t, out, "dlq.finance.transaction.created")
	require.Regexp(t, `web +\d+ pages from log-in to log-out`, out)
	require.Contains(t, out, "Production is up on this machine")
	require.Regexp(t, `ready +nodes 4/4, Kafka 1/1, pods (\d+)/\d+`, out)
	mails := m.letters(t)
	require.NotEmpty(t, mails, "an alert came by e-mail too")
	require.Equal(t, `"Wealth Companion" <alerts@companion.localhost>`, mails[0].From)
	for _, sent := range mails {
		require.Regexp(t, `^<.+@companion\.localhost>$`, sent.MessageID, sent.Subject)
		require.NotEmpty(t, sent.Parts["text/plain"], sent.Subject)
		require.NotEmpty(t, sent.Parts["text/html"], sent.Subject)
	}
}

func (m *machine) allReady(t *testing.T) {
	nodes := m.kubectl(t, "get", "nodes", "--no-headers")
	require.Equal(t, 4, strings.Count(nodes, " Ready "), nodes)
	pods := m.kubectl(t, "get", "pods", "-A", "--no-headers", "-o",
		`go-template={{range .items}}{{.metadata.name}}{{range .status.conditions}}{{if eq .type "Ready"}} {{.status}} {{.reason}}{{end}}{{end}}{{"\n"}}{{end}}`)
	for line := range strings.Lines(pods) {
		fields := strings.Fields(line)
		require.True(t, fields[1] == "True" || len(fields) > 2 && fields[2] == "PodCompleted", line)
	}
	require.Contains(t, pods, "backend-")
	require.Contains(t, pods, "events-dual-2")
	require.Contains(t, m.kubectl(t, "get", "kafka", "-n", "kafka"), "True")
}

func (m *machine) upAgain(t *testing.T) {
	out := m.run(t, 20*time.Minute, "up")
	require.Regexp(t, `(?m)^  \d+ same$`, out)
}

func (m *machine) nothingToChange(t *testing.T) {
	m.run(t, 10*time.Minute, "pulumi", "preview", "--expect-no-changes", "--non-interactive")
	m.run(t, 10*time.Minute, "pulumi", "refresh", "--yes", "--skip-preview", "--expect-no-changes", "--non-interactive")
}

// browser returns a client that reaches the load balancer as people do, and follows
// no redirect.
func (m *machine) browser(t *testing.T) *http.Client {
	authority, err := os.ReadFile(filepath.Join(m.folders.State, "ca.crt"))
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	require.True(t, trusted.AppendCertsFromPEM(authority))
	ports := map[string]string{application: "8443", host + ":80": "8080"}
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", ports[address]))
			},
		},
	}
}

func (m *machine) leadsToHTTPS(t *testing.T) {
	client := m.browser(t)
	get := func(url string) *http.Response {
		response, err := client.Get(url)
		require.NoError(t, err)
		_ = response.Body.Close()
		return response
	}
	plain := get("http://" + host + "/api/v1/auth/me")
	require.Equal(t, http.StatusMovedPermanently, plain.StatusCode)
	require.Equal(t, "https://"+application+"/api/v1/auth/me", plain.Header.Get("Location"))
	secure := get("https://" + application + "/api/v1/auth/me")
	require.Equal(t, http.StatusUnauthorized, secure.StatusCode)
	require.Equal(t, "application/problem+json", secure.Header.Get("Content-Type"))
}

// seesClients asks from an address of its own, with a header that claims another one, and
// reads what NGINX logs of it.
func (m *machine) seesClients(t *testing.T) {
	client := m.browser(t)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}}
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, "127.0.0.1:8443")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+application+"/api/v1/seen-by-nginx?code=a-secret", nil)
	require.NoError(t, err)
	request.Header.Set("X-Forwarded-For", "203.0.113.9")
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	eventually(t, 10*time.Second, "the request is in NGINX's log", func() bool {
		log := m.kubectl(t, "--namespace", "nginx-gateway", "logs", "deployment/nginx-gateway", "--container", "nginx", "--since", "1m")
		require.NotContains(t, log, "a-secret", "what follows a path is not logged")
		return slices.ContainsFunc(strings.Split(log, "\n"), func(line string) bool {
			var its struct{ Address, Path, Status string }
			return json.Unmarshal([]byte(line), &its) == nil && its.Path == "/api/v1/seen-by-nginx" && its.Address == "127.0.0.77" && its.Status == "404"
		})
	})
}

func (m *machine) refusesCredentials(t *testing.T) {
	secrets, err := m.folders.LoadSecrets()
	require.NoError(t, err)
	api, err := godo.New(http.DefaultClient, godo.SetBaseURL("http://"+settings.APIAddress+"/"),
		godo.SetRequestHeaders(map[string]string{"Authorization": "Bearer " + secrets.DigitalOceanToken}))
	require.NoError(t, err)
	clusters, _, err := api.Kubernetes.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, clusters, 1)
	given, _, err := api.Kubernetes.GetCredentials(t.Context(), clusters[0].ID, &godo.KubernetesClusterCredentialsGetRequest{ExpirySeconds: godo.PtrTo(10)})
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	require.True(t, trusted.AppendCertsFromPEM(given.CertificateAuthorityData))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}, Timeout: 10 * time.Second}
	status := func(token string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, given.Server+"/api/v1/nodes", nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusUnauthorized, status("made up"))
	require.Equal(t, http.StatusOK, status(given.Token))
	eventually(t, time.Minute, "the credentials expire", func() bool { return status(given.Token) == http.StatusUnauthorized })
}

// guardsAPI connects from an address that adminRanges does not name.
func (m *machine) guardsAPI(t *testing.T) {
	connect := func(from net.IP) error {
		dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: from}}
		connection, err := dialer.DialContext(t.Context(), "tcp", "10.110.0.1:6443")
		if err == nil {
			require.NoError(t, connection.Close())
		}
		return err
	}
	require.ErrorContains(t, connect(net.IPv4(127, 0, 0, 77)), "connection refused")
	require.NoError(t, connect(net.IPv4(10, 110, 0, 1)))
}

// edgeRefuses tries what NGINX itself answers, and what it does not even begin.
func (m *machine) edgeRefuses(t *testing.T) {
	client := m.browser(t)
	old := client.Transport.(*http.Transport).Clone()
	old.TLSClientConfig.MinVersion, old.TLSClientConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+application+"/api/v1/health", nil)
	require.NoError(t, err)
	_, err = (&http.Client{Transport: old}).Do(request) //nolint:bodyclose // there is none
	require.ErrorContains(t, err, "protocol version not supported")

	ask := func(method, path string, body io.Reader, header ...string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), method, "https://"+application+path, body)
		require.NoError(t, err)
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := client.Do(request)
		require.NoError(t, err)
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	for name, c := range map[string]struct {
		response *http.Response
		status   int
	}{
		"a body that is too large":    {ask(http.MethodPost, "/api/v1/transactions", bytes.NewReader(make([]byte, 8<<20))), http.StatusRequestEntityTooLarge},
		"an address that is too long": {ask(http.MethodGet, "/api/v1/"+strings.Repeat("x", 40<<10), nil), http.StatusRequestURITooLong},
		"a header that is too large":  {ask(http.MethodGet, "/api/v1/health", nil, "X-Long", strings.Repeat("x", 40<<10)), http.StatusBadRequest},
	} {
		require.Equal(t, c.status, c.response.StatusCode, name)
		require.Equal(t, "application/problem+json", c.response.Header.Get("Content-Type"), name)
		require.Contains(t, c.response.Header.Get("Strict-Transport-Security"), "max-age=63072000", name)
	}
	answered := ask(http.MethodGet, "/api/v1/transactions", nil)
	require.Equal(t, http.StatusUnauthorized, answered.StatusCode)
	require.Len(t, answered.Header.Values("Strict-Transport-Security"), 1, "once, with the services' answers too")
}

// edgeTakesUploads uploads a file as large as the edge says it may be, and larger ones.
func (m *machine) edgeTakesUploads(t *testing.T) {
	p := m.register(t)
	lines := map[bool]string{false: "2026-09-03,Bakery,-1.00", true: "2026-05-14,Cinema,-23.50"} // nobody would take them for one
	upload := func(size int, chunked bool) (status int, detail string) {
		file := base64.StdEncoding.EncodeToString([]byte("Date,Payee,Amount\n" + lines[chunked] + "\n"))
		body := fmt.Sprintf(`{"walletId":%q,"file":%q}`, p.wallet, file)
		var content io.Reader = strings.NewReader(body + strings.Repeat(" ", size-len(body))) // white space is part of JSON
		if chunked {
			content = io.MultiReader(content) // whose length nobody knows
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+application+"/api/v1/imports", content)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+p.session.Token)
		response, err := p.client.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		var its struct {
			Status int
			Detail string
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&its))
		if response.StatusCode >= http.StatusMultipleChoices {
			require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
			require.Equal(t, response.StatusCode, its.Status)
		}
		return response.StatusCode, its.Detail
	}
	for _, chunked := range []bool{false, true} {
		status, detail := upload(8<<20, chunked)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, detail)
		said := regexp.MustCompile(`larger than (\d+) bytes`).FindStringSubmatch(detail)
		require.NotNil(t, said, detail)
		most, err := strconv.Atoi(said[1])
		require.NoError(t, err)
		status, detail = upload(most, chunked)
		require.Equal(t, http.StatusCreated, status, detail)
		status, detail = upload(most+1, chunked)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, detail)
		status, detail = upload(most+1<<10, chunked)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, detail)
	}
}

// onCall is whom the rehearsed Alertmanager writes to.
const onCall = "on-call@companion.localhost"

// letters are the e-mails that the application sent.
func (m *machine) letters(t *testing.T) []mail.Mail {
	t.Helper()
	mails, err := mail.List(m.folders.Mail())
	require.NoError(t, err)
	return slices.DeleteFunc(mails, func(one mail.Mail) bool { return one.To == onCall })
}

// linksOpen opens every link of every e-mail that came, as a person's click would.
func (m *machine) linksOpen(t *testing.T) {
	client := m.browser(t)
	mails := m.letters(t)
	require.NotEmpty(t, mails)
	for _, sent := range mails {
		var links []string
		for _, text := range []string{sent.Parts["text/plain"], html.UnescapeString(sent.Parts["text/html"]), sent.Unsubscribe} {
			links = append(links, regexp.MustCompile(`https://[^"<>\s]+`).FindAllString(text, -1)...)
		}
		require.GreaterOrEqual(t, len(links), 2, "%s: a link in each form", sent.Subject)
		for _, link := range links {
			response, err := client.Get(link)
			require.NoError(t, err, sent.Subject)
			_ = response.Body.Close()
			require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", sent.Subject, link)
		}
	}
}

// invokes asks services by way of other services' sidecars, as those would. Who
// comes through is asked for a person's token; who may not is stopped by Dapr.
func (m *machine) invokes(t *testing.T) {
	for _, c := range []struct {
		by, path string
		want     int
	}{
		{"backend", "mcp/method/mcp", http.StatusUnauthorized},
		{"mcp", "backend/method/api/v1/wallets", http.StatusUnauthorized},
		{"web", "backend/method/api/v1/wallets", http.StatusUnauthorized},
		{"web", "backend/method/healthz", http.StatusForbidden},
		{"web", "mcp/method/mcp", http.StatusForbidden},
		{"web", "notification/method/api/v1/wallets", http.StatusForbidden},
		{"backend", "web/method/mcp", http.StatusForbidden},
		{"mcp", "web/method/api/v1/wallets", http.StatusForbidden},
		{"analytics", "web/method/login", http.StatusForbidden},
		{"analytics", "mcp/method/mcp", http.StatusForbidden},
		{"analytics", "backend/method/api/v1/wallets", http.StatusForbidden},
		{"notification", "analytics/method/events/finance.transaction.created", http.StatusForbidden},
	} {
		sidecar := m.forward(t, "companion", "deployment/"+c.by, "3500")
		require.Equal(t, c.want, post(t, sidecar, "/v1.0/invoke/"+c.path, m.token(t, c.by, "api")), "%s asks %s", c.by, c.path)
	}
}

// token is what a service's sidecar asks of whoever calls it (api), or the service of its
// sidecar (app).
func (m *machine) token(t *testing.T, service, of string) string {
	t.Helper()
	secret := m.kubectl(t, "--namespace", "companion", "get", "deployment", service, "--output",
		`go-template={{index .spec.template.metadata.annotations "dapr.io/`+of+`-token-secret"}}`)
	return m.kubectl(t, "--namespace", "companion", "get", "secret", secret, "--output", "go-template={{.data.token | base64decode}}")
}

// post returns how a request with a token is answered; without any when it is empty.
func post(t *testing.T, address, path, token string) int {
	t.Helper()
	return send(t, address, path, token, "application/json", "{}")
}

func send(t *testing.T, address, path, token, kind, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", kind)
	if token != "" {
		request.Header.Set("dapr-api-token", token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// strangersCall comes from within pods, as a debugging container would: a service takes events
// from its sidecar only, a sidecar calls from its service, for the service's topics.
func (m *machine) strangersCall(t *testing.T) {
	service := m.forward(t, "companion", "deployment/analytics", "8081")
	const event = "/events/finance.transaction.created"
	for _, token := range []string{"", "guessed", m.token(t, "banking", "app"), m.token(t, "analytics", "api")} {
		require.Equal(t, http.StatusUnauthorized, post(t, service, event, token))
	}
	sidecar, api := m.forward(t, "companion", "deployment/analytics", "3500"), m.token(t, "analytics", "api")
	const publish = "/v1.0/publish/events-analytics/"
	for _, token := range []string{"", "guessed", m.token(t, "analytics", "app")} {
		require.Equal(t, http.StatusUnauthorized, post(t, sidecar, publish+"finance.budget.exceeded", token))
	}
	require.Equal(t, http.StatusForbidden, post(t, sidecar, publish+"finance.transaction.created", api), "the backend's topic")
	require.Equal(t, http.StatusForbidden, post(t, sidecar, publish+"no.such.topic", api))
	// Operators are told of dead letters, but of those that say that they are somebody's drill.
	letter := `{"specversion": "1.0", "id": "` + uuid.NewString() + `", "source": "/tests", "type": "unreadable", "drill": true, "data": {}}`
	require.Equal(t, http.StatusNoContent, send(t, sidecar, publish+"dlq.finance.transaction.created", api, "application/cloudevents+json", letter), "its own dead letters")
}

func (m *machine) hasLogs(t *testing.T) {
	names := strings.Fields(m.run(t, time.Minute, "logs"))
	require.Subset(t, names, []string{"daemon", "postgresql", "pulumi-up"})
	require.Contains(t, m.run(t, time.Minute, "logs", "pulumi-up"), "Resources:")
	_, err := m.try(t, time.Minute, "logs", "none")
	require.Error(t, err)
}

func (m *machine) previewsProd(t *testing.T) {
	require.Regexp(t, `Stack prod: \d+ create\.`, m.run(t, 10*time.Minute, "preview", "--stack", "prod"))
}

// cannotLeave tries from within a pod: to a public address, to the machine's own
// other addresses, and, so that a failure means something, to the registry.
func (m *machine) cannotLeave(t *testing.T) {
	m.kubectl(t, "run", "leaver", "--image", parts.BusyboxImage, "--restart", "Never", "--command", "--", "/bin/busybox", "sleep", "600")
	defer m.kubectl(t, "delete", "pod", "leaver", "--now")
	m.kubectl(t, "wait", "pod", "leaver", "--for", "condition=Ready", "--timeout", "60s")
	reach := func(address string) bool {
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		// Not wget: a static busybox cannot resolve names and gives up on numbers too.
		out, _ := m.tryKubectl(t, "exec", "leaver", "--", "sh", "-c", `printf 'GET /v2/ HTTP/1.0\r\n\r\n' | nc -w 3 `+host+` `+port)
		return strings.Contains(out, "200 OK")
	}
	require.True(t, reach("10.110.0.1:"+settings.RegistryPort), "what a pod may reach")
	require.False(t, reach("1.1.1.1:80"), "a public address")
	for _, address := range ownAddresses(t) {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		var err error
		server.Listener, err = net.Listen("tcp", net.JoinHostPort(address, "0"))
		require.NoError(t, err)
		server.Start()
		require.False(t, reach(server.Listener.Addr().String()), "the machine's address %s", address)
		server.Close()
	}
}

// ownAddresses are this machine's on other networks than the rehearsal's.
func ownAddresses(t *testing.T) []string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	var own []string
	for _, address := range addresses {
		prefix, ok := address.(*net.IPNet)
		if !ok || prefix.IP.To4() == nil || prefix.IP.IsLoopback() || prefix.IP.String() == "10.110.0.1" {
			continue
		}
		own = append(own, prefix.IP.String())
	}
	require.NotEmpty(t, own)
	return own
}

func (m *machine) destroys(t *testing.T) {
	out := m.run(t, 15*time.Minute, "pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive")
	require.Regexp(t, `\d+ deleted`, out)
	status := m.run(t, time.Minute, "status")
	require.NotContains(t, status, "kubelet", "no node is left")
}
