//go:build integration

package systemtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/internal/stack"
)

// fair has one person import 2,000 rows, and measures how long another's alert takes
// that is due just afterwards.
func fair(t *testing.T, s *stack.Stack, b books) {
	importer, another := newPerson(t, s), newPerson(t, s)
	another.budget(t)
	b.settle(t, 30*time.Second)

	var file strings.Builder
	file.WriteString("Date,Payee,Amount\n")
	for i := range 2000 {
		fmt.Fprintf(&file, "%s,Shop %d,-%d.%02d\n", time.Now().AddDate(0, 0, -i%300).Format(time.DateOnly), i%40, 1+i%90, i%100)
	}
	require.NoError(t, importer.Call(t.Context(), http.MethodPost, "/imports", nil, map[string]string{
		"walletId": importer.wallet.ID.String(), "file": base64.StdEncoding.EncodeToString([]byte(file.String())),
	}, nil))
	began := time.Now()
	require.NoError(t, another.spend(t.Context()))
	alerted := func() bool {
		n, err := column[int](t.Context(), b, "SELECT count(*) FROM backend.alerts WHERE user_id = $1", another.User)
		return err == nil && n[0] > 0
	}
	require.Eventually(t, alerted, 20*time.Second, 10*time.Millisecond, "another's alert waits for the import")
	took := time.Since(began)
	waiting, err := b.waiting(t.Context())
	require.NoError(t, err)
	t.Logf("another's alert after %d ms; of the import: %s", took.Milliseconds(), strings.Join(waiting, ", "))
	b.settle(t, 2*time.Minute)
	t.Logf("all of the import is handled after %.1f s", time.Since(began).Seconds())
}
