//go:build integration

package systemtest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
)

// traced has a person spend nearly all of a budget in the web, and follows that from the form to
// the e-mail that warns them: one trace, with every hop in it.
func traced(t *testing.T, s *stack.Stack, b books) {
	c := newPerson(t, s)
	c.confirms(t, s)
	c.wants(t, []string{"in_app", "email"}, false)
	c.budget(t)
	v := &visitor{t: t, url: s.Public(event.Web), cookies: map[string]string{}}
	in := v.send(http.MethodPost, "/login", url.Values{"email": {c.Email}, "password": {c.Password}, "zone": {"UTC"}})
	require.Equal(t, http.StatusSeeOther, in.StatusCode, v.text(in))
	live := v.send(http.MethodGet, "/live", nil)
	require.Equal(t, http.StatusOK, live.StatusCode)
	b.settle(t, 30*time.Second)
	before := len(s.Mailbox.To(c.Email))
	spent := v.send(http.MethodPost, "/transactions", url.Values{
		"kind": {"expense"}, "amount": {"8.57"}, "category": {"groceries"}, "description": {"Quince jam"}, "wallet": {walletOf(v)}, "key": {uuid.NewString()},
	})
	require.Equal(t, http.StatusSeeOther, spent.StatusCode, v.text(spent))
	require.Eventually(t, func() bool { return len(s.Mailbox.To(c.Email)) > before }, 60*time.Second, 50*time.Millisecond, "no e-mail came")
	b.settle(t, 30*time.Second)

	created, found, told := "finance.transaction.created", topicOf(event.TypeInsightGenerated), topicOf(event.TypeAlertSent)
	hops := []struct{ service, name string }{
		{event.Web, "POST /transactions"}, {event.Web, "POST by the sidecar"},
		{event.Backend, "POST /api/v1/transactions"}, {event.Backend, "publish " + created},
		{event.Analytics, "process " + created}, {event.Banking, "process " + created}, {event.Investment, "process " + created},
		{event.Analytics, "publish " + found}, {event.Notification, "process " + found}, {event.Backend, "process " + found},
		{event.Notification, "publish " + told}, {event.Backend, "process " + told}, {event.Notification, "deliver email"}, {event.Backend, "deliver live alert"},
	}
	var missing []string
	var trace []stack.Span
	if !eventually(func() bool { trace, missing = followed(s, "POST /transactions", hops); return len(missing) == 0 }) {
		t.Fatalf("the trace has no %v; it has %v", missing, namesOf(trace))
	}
	var orphans []string // until the sidecars' spans arrive, which they keep for seconds
	if !eventually(func() bool {
		trace, _ = followed(s, "POST /transactions", hops)
		orphans = orphansOf(trace)
		return len(orphans) == 0
	}) {
		t.Errorf("the parents of these are not in the trace: %v", orphans)
	}
	sidecars, roots := 0, 0
	for _, span := range trace {
		if span.Sidecars() {
			sidecars++
		}
		if len(span.ParentSpanId) == 0 {
			roots++
		}
	}
	require.Positive(t, sidecars, "sidecars' spans are in it")
	require.Equal(t, 1, roots, "the browser's request is the only root")
	t.Logf("%d spans, %d of them sidecars': %v", len(trace), sidecars, namesOf(trace))
}

// orphansOf names the spans of a trace whose parents are not in it.
func orphansOf(trace []stack.Span) (names []string) {
	for _, span := range trace {
		is := func(other stack.Span) bool { return bytes.Equal(other.SpanId, span.ParentSpanId) }
		if len(span.ParentSpanId) > 0 && !slices.ContainsFunc(trace, is) {
			names = append(names, span.Service+": "+span.Name)
		}
	}
	return names
}

func topicOf(kind string) string {
	topic, _ := event.OfType(kind)
	return topic.Name
}

// eventually tries for as long as spans may take to arrive.
func eventually(is func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		if is() {
			return true
		}
		<-tick.C
	}
	return false
}

// followed returns the last trace that begins with a span of that name, and which hops it lacks.
func followed(s *stack.Stack, root string, hops []struct{ service, name string }) (trace []stack.Span, missing []string) {
	all := s.Collector.Spans()
	id := ""
	for _, span := range all {
		if span.Name == root && len(span.ParentSpanId) == 0 {
			id = span.Trace()
		}
	}
	for _, span := range all {
		if span.Trace() == id {
			trace = append(trace, span)
		}
	}
	for _, hop := range hops {
		if !slices.ContainsFunc(trace, func(span stack.Span) bool { return span.Service == hop.service && span.Name == hop.name }) {
			missing = append(missing, hop.service+": "+hop.name)
		}
	}
	return trace, missing
}

func namesOf(spans []stack.Span) (names []string) {
	for _, span := range spans {
		names = append(names, span.Service+": "+span.Name)
	}
	return names
}

// confided are what no span may hold: addresses, tokens, statements, and what people of these
// tests wrote, spent or are called.
var confided = regexp.MustCompile(`[\w.+-]+@[\w-]|eyJ[\w-]+\.|(?i:bearer )|(?i:\b(select|insert into|update|delete from) [\w"*]+)|correct horse|Quince|Market|A person|\b(8\.57|8\.50|12\.50|25\.00)\b|Mozilla|Go-http-client|127\.0\.0\.1`)

// unconfided looks at every span that came, of whatever the tests before did.
func unconfided(t *testing.T, s *stack.Stack) {
	spans := s.Collector.Spans()
	ours := 0
	seen := map[string]bool{}
	for _, span := range spans {
		if span.Sidecars() {
			continue // what they say is Dapr's, and the collector's to strip
		}
		ours++
		for _, link := range span.Links {
			link.TraceId, link.SpanId = nil, nil // chance's bytes, which may look like anything
		}
		said := fmt.Sprint(span.Name, span.Attributes, span.Events, span.Links, span.Status, span.TraceState)
		if found := confided.FindString(said); found != "" && !seen[found+span.Name] {
			seen[found+span.Name] = true
			t.Errorf("%s's %q holds %q: %v", span.Service, span.Name, found, span.Attributes)
		}
		if span.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
			require.Empty(t, span.Status.Message)
		}
		require.NotRegexp(t, `[0-9a-f]{8}-[0-9a-f]{4}-`, span.Name, "names are patterns")
	}
	require.Greater(t, ours, 100)
	t.Logf("%d spans of services, %d of sidecars", ours, len(spans)-ours)
}
