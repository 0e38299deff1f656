package status

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// ours is the label of the stack's namespaces.
const ours = "app.kubernetes.io/part-of=companion"

// Nodes looks at the machines.
func Nodes(client kubernetes.Interface) Check {
	return Check{"nodes", func(ctx context.Context) (string, []Problem, error) {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", nil, err
		}
		says, problems := ofNodes(nodes.Items)
		return says, problems, nil
	}}
}

func ofNodes(nodes []corev1.Node) (string, []Problem) {
	var problems []Problem
	for _, node := range nodes {
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				problems = append(problems, Problem{What: fmt.Sprintf("%s is not ready: %s", node.Name, c.Message), Since: &c.LastTransitionTime.Time, Runbook: "nodes-and-pods"})
			}
		}
	}
	return fmt.Sprintf("%d of %d ready", len(nodes)-len(problems), len(nodes)), oldestFirst(problems)
}

// settling is how long a pod may take to become ready, and a Deployment to be complete.
const settling = time.Minute

// Pods looks at the pods of the stack's namespaces.
func Pods(client kubernetes.Interface) Check {
	return Check{"pods", func(ctx context.Context) (string, []Problem, error) {
		namespaces, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: ours})
		if err != nil {
			return "", nil, err
		}
		if len(namespaces.Items) == 0 {
			return "", nil, errors.New("the cluster has no namespace with " + ours + ": is the stack in it?")
		}
		var pods []corev1.Pod
		for _, namespace := range namespaces.Items {
			found, err := client.CoreV1().Pods(namespace.Name).List(ctx, metav1.ListOptions{})
			if err != nil {
				return "", nil, err
			}
			pods = append(pods, found.Items...)
		}
		says, problems := ofPods(pods, time.Now())
		return says, problems, nil
	}}
}

func ofPods(pods []corev1.Pod, now time.Time) (string, []Problem) {
	var problems []Problem
	all, ready := 0, 0
	for _, pod := range pods {
		if pod.Status.Phase == corev1.PodSucceeded || pod.DeletionTimestamp != nil {
			continue
		}
		if pod.Status.Phase == corev1.PodFailed && ofJob(pod) {
			continue // the Job begins another, and its Deployment or CronJob tells of the rest
		}
		all++
		is, since := readiness(pod)
		switch {
		case is:
			ready++
		case now.Sub(since) > settling:
			problems = append(problems, Problem{What: fmt.Sprintf("%s/%s is not ready: %s", pod.Namespace, pod.Name, why(pod)), Since: &since, Runbook: entryOf(pod)})
		}
	}
	return fmt.Sprintf("%d of %d ready", ready, all), oldestFirst(problems)
}

func ofJob(pod corev1.Pod) bool {
	owner := metav1.GetControllerOf(&pod)
	return owner != nil && owner.Kind == "Job"
}

// readiness is whether a pod is ready, and since when.
func readiness(pod corev1.Pod) (ready bool, since time.Time) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue, c.LastTransitionTime.Time
		}
	}
	return false, pod.CreationTimestamp.Time
}

// why is the reason that Kubernetes gives for a pod that is not ready.
func why(pod corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "no node takes it (" + c.Message + ")"
		}
	}
	for _, container := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		switch {
		case container.State.Waiting != nil && container.RestartCount > 0:
			return fmt.Sprintf("%s: %s, begun %d times anew", container.Name, container.State.Waiting.Reason, container.RestartCount)
		case container.State.Waiting != nil:
			return container.Name + ": " + container.State.Waiting.Reason
		case container.State.Terminated != nil && container.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("%s ended with %d", container.Name, container.State.Terminated.ExitCode)
		case !container.Ready && container.State.Running != nil:
			return container.Name + " runs and is not ready"
		}
	}
	return string(pod.Status.Phase)
}

// entryOf is the entry of the runbook for a pod that is not ready.
func entryOf(pod corev1.Pod) string {
	switch pod.Namespace {
	case "companion":
		return "servicedown"
	case "dapr-system":
		return "daprdown"
	}
	return "nodes-and-pods"
}

// authorities are certificates that somebody else than cert-manager renews.
var authorities = []struct{ namespace, secret, key, entry string }{
	{"kafka", "events-cluster-ca-cert", "ca.crt", "certificates-are-renewed"},
	{"kafka", "events-clients-ca-cert", "ca.crt", "certificates-are-renewed"},
	{"dapr-system", "dapr-trust-bundle", "issuer.crt", "daprauthorityends"},
}

// Certificates looks at those of cert-manager, of the brokers' authorities and of the
// sidecars' issuer. One that is renewed in time is no problem, however soon it ends.
func Certificates(client kubernetes.Interface) Check {
	return Check{"certificates", func(ctx context.Context) (string, []Problem, error) {
		var found []certificate
		raw, err := client.Discovery().RESTClient().Get().AbsPath("/apis/cert-manager.io/v1/certificates").Do(ctx).Raw()
		if err != nil {
			return "", nil, fmt.Errorf("cert-manager's certificates: %w", err)
		}
		if found, err = managed(raw); err != nil {
			return "", nil, err
		}
		for _, a := range authorities {
			secret, err := client.CoreV1().Secrets(a.namespace).Get(ctx, a.secret, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return "", nil, err
			}
			ends, renewal, err := ofPEM(secret.Data[a.key])
			if err != nil {
				return "", nil, fmt.Errorf("secret %s/%s: %w", a.namespace, a.secret, err)
			}
			found = append(found, certificate{name: a.namespace + "/" + a.secret, ends: ends, renewal: renewal, ready: true, entry: a.entry})
		}
		says, problems := ofCertificates(found, time.Now())
		return says, problems, nil
	}}
}

// certificate is one that somebody renews.
type certificate struct {
	name    string
	ends    time.Time
	renewal time.Time // when it should have been renewed
	ready   bool
	why     string // it is not ready
	since   time.Time
	entry   string
}

// managed are the certificates of cert-manager, of the API server's list of them.
func managed(raw []byte) ([]certificate, error) {
	var list struct {
		Items []struct {
			Metadata metav1.ObjectMeta `json:"metadata"`
			Status   struct {
				NotAfter    *metav1.Time       `json:"notAfter"`
				RenewalTime *metav1.Time       `json:"renewalTime"`
				Conditions  []metav1.Condition `json:"conditions"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("cert-manager's certificates: %w", err)
	}
	var found []certificate
	for _, item := range list.Items {
		c := certificate{name: item.Metadata.Namespace + "/" + item.Metadata.Name, since: item.Metadata.CreationTimestamp.Time, why: "it has never been issued", entry: "certificatenotrenewed"}
		if item.Status.NotAfter != nil {
			c.ends = item.Status.NotAfter.Time
		}
		if item.Status.RenewalTime != nil {
			c.renewal = item.Status.RenewalTime.Time
		}
		for _, condition := range item.Status.Conditions {
			if condition.Type == "Ready" {
				c.ready, c.why, c.since = condition.Status == metav1.ConditionTrue, condition.Message, condition.LastTransitionTime.Time
			}
		}
		found = append(found, c)
	}
	return found, nil
}

// renewedBy is the part of its life, in percent, after which a certificate of others than
// cert-manager has been renewed, whatever it is configured to: a year's, 36 days before its end.
const renewedBy = 90

// ofPEM is when a certificate ends, and when it has been renewed at the latest.
func ofPEM(encoded []byte) (ends, renewal time.Time, err error) {
	block, _ := pem.Decode(encoded)
	if block == nil {
		return ends, renewal, errors.New("it has no certificate")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ends, renewal, err
	}
	life := parsed.NotAfter.Sub(parsed.NotBefore)
	return parsed.NotAfter, parsed.NotBefore.Add(life / 100 * renewedBy), nil
}

// overdue is how late a renewal may be.
const overdue = 6 * time.Hour

func ofCertificates(certificates []certificate, now time.Time) (string, []Problem) {
	var problems []Problem
	var first *certificate
	for i, c := range certificates {
		if !c.ends.IsZero() && (first == nil || c.ends.Before(first.ends)) {
			first = &certificates[i]
		}
		switch {
		case !c.ready && now.Sub(c.since) > settling:
			problems = append(problems, Problem{What: fmt.Sprintf("%s is not valid: %s", c.name, c.why), Since: &c.since, Runbook: c.entry})
		case !c.renewal.IsZero() && now.Sub(c.renewal) > min(overdue, c.ends.Sub(c.renewal)/2):
			problems = append(problems, Problem{What: fmt.Sprintf("%s is not renewed, and ends %s", c.name, c.ends.UTC().Format("2006-01-02 15:04 UTC")), Since: &c.renewal, Runbook: c.entry})
		}
	}
	says := counted(len(certificates), "certificate", "certificates")
	if first != nil {
		says += fmt.Sprintf(", the first ends in %dd (%s)", int(first.ends.Sub(now).Hours())/24, first.name)
	}
	return says, oldestFirst(problems)
}
