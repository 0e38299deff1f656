//go:build integration && fuzz

package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// notFuzzed are operations that it makes no sense to fuzz, and why.
var notFuzzed = map[string]string{
	"live":           "its answer never ends by itself",
	"awaitAlerts":    "waits for what the fuzzer does not bring",
	"beginOIDC":      "sends browsers to an identity provider, of which there is none here",
	"finishOIDC":     "takes what an identity provider has signed",
	"logout":         "may end the session of the others",
	"logoutAll":      "ends the session of the others",
	"deleteAccount":  "takes away the account that the others are tried with",
	"changePassword": "hashes two passwords, slowly on purpose; its own tests try bad ones",
}

// plausible are values that get past what the schemas say of a text, at the edges
// of what the domain takes and a little beyond.
var plausible = []struct{ fields, values []string }{
	{
		[]string{"body.amount", "body.toAmount", "body.target", "body.openingBalance", "body.initial", "body.monthly", "query.amount", "query.min", "query.max"},
		[]string{"1", "7", "12.50", "25", "140", "3000", "0.0001", "9999999999999.9999", "9999999999999", "99999999999999", "0", "-3.10", "-9999999999999.99", "1e3", "1e400", "NaN", "0.00001"},
	},
	{
		[]string{"body.lowReturn", "body.expectedReturn", "body.highReturn", "body.fee", "body.inflation"},
		[]string{"0", "6", "-99.999999", "-100", "100", "1000000000", "0.000001", "1e9"},
	},
	{[]string{"body.rate"}, []string{"1.0834", "0.0000000001", "0.000000000000000001", "99999999999", "9999999999999999", "0", "-1", "1e30"}},
	{[]string{"body.currency", "body.base", "body.quote", "query.currency", "query.base", "query.quote"}, []string{"EUR", "USD", "JPY", "KWD", "XXX", "eur"}},
	{[]string{"body.category", "query.category"}, []string{"groceries", "leisure", "salary", "other", "transfer", "none-such"}},
	{[]string{"body.month", "body.from", "body.to", "query.month"}, []string{"2026-11", "2020-01", "0000-01", "0001-01", "9999-12", "2026-13"}},
	// Of conversions they are currencies, of searches and summaries days.
	{[]string{"query.from", "query.to"}, []string{"EUR", "USD", "JPY", "2026-11-03", "2026-01-01", "0001-01-01", "9999-12-31"}},
	{[]string{"body.due", "body.deadline", "body.date", "query.date", "query.until"}, []string{"2026-11-03", "2024-02-29", "2026-02-29", "0000-01-01", "0001-01-01", "9999-12-31"}},
	{[]string{"body.timestamp", "body.remindAt"}, []string{"2026-11-03T12:00:00Z", "2026-10-01T08:00:00Z", "2026-09-15T18:30:00+02:00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59-12:00", "2026-11-03"}},
	// Of the statements below: which columns hold what, and how it is written.
	{
		[]string{"body.mapping.date", "body.mapping.amount", "body.mapping.direction", "body.mapping.debit", "body.mapping.credit",
			"body.mapping.category", "body.mapping.currency", "body.mapping.reference", "body.mapping.description[*]"},
		[]string{"date", "amount", "description", "Betrag", "1", "0", "-1", "99999999999999999999"},
	},
	{[]string{"body.mapping.dateLayout"}, []string{"YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YY", "DD MMM YYYY HH:mm:ss", "YYYY", "[", "DDDDDD"}},
	{[]string{"body.mapping.delimiter"}, []string{",", ";", "|", "tab"}},
	{[]string{"body.mapping.decimalMark"}, []string{".", ","}},
	{[]string{"body.mapping.encoding"}, []string{"utf-8", "utf-16", "windows-1252", "iso-8859-15", "ebcdic"}},
}

// statements are files that can be read, so that what comes after reading is tried.
var statements = []string{
	"date,amount,description\n2026-01-02,-12.50,Bakery\n2026-01-03,1000,Salary\n",
	"Buchungstag;Betrag;Verwendungszweck\n31.12.9999;-9.999.999.999.999,99;Miete\n00.00.0000;1e9;\n",
	"!Type:Bank\nD01/02/2026\nT-12.50\nPBakery\n^\n",
	"<OFX><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260102<TRNAMT>-12.50<FITID>1<NAME>Bakery</STMTTRN></BANKTRANLIST></OFX>",
	"date,base,quote,rate\n2026-11-03,EUR,USD,1.0834\n0000-01-01,EUR,JPY,99999999999999999999\n",
}

// settings have schemathesis name things that are there, in paths and bodies: what
// is made up is nobody's, and would never get further than 404.
func (b *belongings) settings(who login) string {
	var text strings.Builder
	dictionary := func(name string, values []string) {
		fmt.Fprintf(&text, "[dictionaries.%s]\nvalues = [\"%s\"]\n", name, strings.Join(values, `", "`))
	}
	bind := func(field, name string) string {
		return fmt.Sprintf("%q = { dictionary = %q, probability = 0.8 }\n", field, name)
	}
	var ofPaths strings.Builder
	for _, resource := range resources {
		// What DELETE takes is not what the others are tried with.
		for _, methods := range []string{"GET|POST|PUT|PATCH", "DELETE"} {
			values := map[string][]string{}
			for range 5 {
				for part, value := range b.of(resource) {
					values[part] = append(values[part], value)
				}
			}
			fmt.Fprintf(&ofPaths, "[[operations]]\ninclude-name-regex = '^(%s) %s/%s/\\{'\n[operations.parameters]\n", methods, base, resource)
			for part, its := range values {
				name := fmt.Sprintf("%s_%s_%d", resource, part, len(methods))
				dictionary(name, its)
				ofPaths.WriteString(bind("path."+part, name))
			}
		}
	}
	inBodies := map[string][]string{
		"body.email": {who.email}, "body.password": {password}, "query.import": {b.of("imports")["id"]},
	}
	for range 3 {
		for _, field := range []string{"body.walletId", "body.toWalletId", "query.wallet"} {
			inBodies[field] = append(inBodies[field], b.of("wallets")["id"])
		}
	}
	receiving := b.of("wallets")["id"]
	for range 6 {
		for field, side := range map[string]object{
			"body.outId": {"walletId": b.wallet, "type": "expense", "category": "groceries"},
			"body.inId":  {"walletId": receiving, "type": "income", "category": "salary"},
		} {
			side["amount"] = "7"
			inBodies[field] = append(inBodies[field], b.call(201, "POST", "/transactions", side)["id"].(string))
		}
	}
	for _, file := range statements {
		inBodies["body.file"] = append(inBodies["body.file"], base64.StdEncoding.EncodeToString([]byte(file)))
	}
	assistant := b.program("An assistant", callback)
	for field, value := range assistant.asks(nil) {
		inBodies["body."+field] = []string{value.(string)}
	}
	for _, its := range plausible {
		for _, field := range its.fields {
			inBodies[field] = its.values
		}
	}
	var ofAll strings.Builder
	for _, field := range slices.Sorted(maps.Keys(inBodies)) {
		name := strings.NewReplacer(".", "_", "[*]", "").Replace(field)
		dictionary(name, inBodies[field])
		ofAll.WriteString(bind(field, name))
	}
	return text.String() + "[parameters]\n" + ofAll.String() + ofPaths.String()
}

// tally counts answers by operation and status.
type tally struct {
	sync.Mutex
	byRoute map[string]map[int]int
}

func (c *tally) observe(_ context.Context, method, route string, status int, _ time.Duration) {
	c.Lock()
	defer c.Unlock()
	its := method + " " + route
	if c.byRoute[its] == nil {
		c.byRoute[its] = map[int]int{}
	}
	c.byRoute[its][status]++
}

// operations are how many were asked, and how many have had a good answer.
func (c *tally) operations() (asked, good int) {
	for route, statuses := range c.byRoute {
		if !strings.Contains(route, base) || strings.HasSuffix(route, "openapi.json") {
			continue
		}
		asked++
		if slices.ContainsFunc(slices.Collect(maps.Keys(statuses)), func(status int) bool { return status < 300 }) {
			good++
		}
	}
	return asked, good
}

// TestFuzz has schemathesis send what the OpenAPI document allows and what it does
// not, and compares each answer with the document. SCHEMATHESIS is its program;
// FUZZ_SEED and FUZZ_EXAMPLES (for each operation) vary what it does.
func TestFuzz(t *testing.T) {
	program := os.Getenv("SCHEMATHESIS")
	require.NotEmpty(t, program, "SCHEMATHESIS: `make test-fuzz` says where it is")
	w := restricted(t)
	require.Zero(t, w.api.Limits, "who is told to wait is not tested")
	counts := &tally{byRoute: map[string]map[int]int{}}
	var failures bytes.Buffer
	w.api.Log = slog.New(slog.NewTextHandler(&failures, &slog.HandlerOptions{Level: slog.LevelError}))
	who := w.newcomer()
	b := w.everything()
	dir := t.TempDir()
	config := filepath.Join(dir, "schemathesis.toml")
	require.NoError(t, os.WriteFile(config, []byte(b.settings(who)), 0o600))
	w.api.Observe = counts.observe
	server := httptest.NewServer(w.api.Handler())
	defer server.Close()

	args := []string{
		"--config-file", config, "run", server.URL + base + "/openapi.json", "--header", "Authorization: Bearer " + w.token,
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance",
		"--seed", cmp.Or(os.Getenv("FUZZ_SEED"), "1"), "--max-examples", cmp.Or(os.Getenv("FUZZ_EXAMPLES"), "60"),
		"--generation-database", "none", "--no-shrink", "--continue-on-failure", "--request-timeout", "15", "--no-color",
		"--warnings", "off",
	}
	for id := range notFuzzed {
		args = append(args, "--exclude-operation-id", id)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err, "see above; the service said:\n%s", &failures)
	require.Empty(t, failures.String(), "the service fails though no answer says so")

	reached, good := counts.operations()
	t.Logf("of %d operations, %d have done what was asked at least once", reached, good)
	require.Equal(t, len(w.operations())-len(notFuzzed), reached)
	require.NotContains(t, fmt.Sprint(counts.byRoute), "429:", "nobody is told to wait")
	require.GreaterOrEqual(t, 10*good, 9*reached, "hardly more than refusals was tried: are there new fields to name plausible values of?\n%v", counts.byRoute)
}
