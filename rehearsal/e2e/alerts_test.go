//go:build rehearsal && drills

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/mail"
)

// TestAlertsReachWhoIsOnCall takes a service's pods away: whoever is on call gets an e-mail, and
// another one when they are back.
func TestAlertsReachWhoIsOnCall(t *testing.T) {
	m := runningMachine(t)
	story(t, []step{
		{"Prometheus reads what there is", m.watched},
		{"nothing fires", func(t *testing.T) {
			require.Zero(t, series(t, m.prometheus(t), `ALERTS{alertstate="firing"}`))
			require.Empty(t, m.told(t))
		}},
		{"a service without pods", m.pages},
	})
}

func (m *machine) pages(t *testing.T) {
	scale := func(replicas string) {
		m.kubectl(t, "--namespace", "companion", "scale", "deployment/notification", "--replicas", replicas)
	}
	says := func(what string) func() bool {
		return func() bool {
			for _, subject := range m.told(t) {
				if strings.HasPrefix(subject, what) {
					return true
				}
			}
			return false
		}
	}
	began := time.Now()
	scale("0")
	t.Cleanup(func() { scale("1") })
	eventually(t, 6*time.Minute, "the alert has come by e-mail", says("[FIRING:1] ServiceDown notification"))
	t.Logf("told after %s", time.Since(began).Round(time.Second))
	began = time.Now()
	scale("1")
	eventually(t, 10*time.Minute, "that it is over has come by e-mail", says("[RESOLVED] ServiceDown notification"))
	t.Logf("told that it is over after %s", time.Since(began).Round(time.Second))
}

// told are the subjects of the e-mails to whoever is on call.
func (m *machine) told(t *testing.T) []string {
	t.Helper()
	mails, err := mail.List(m.folders.Mail())
	require.NoError(t, err)
	var subjects []string
	for _, sent := range mails {
		if sent.To == onCall {
			subjects = append(subjects, sent.Subject)
		}
	}
	return subjects
}
