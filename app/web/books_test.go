//go:build integration

package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// pages are all that a person has, with something of each kind on them.
func pages(t *testing.T, w *world, b *browser) []string {
	t.Helper()
	return append([]string{"/dashboard", "/transactions", "/budgets", "/wallets", "/insights", "/alerts", "/settings", "/design"}, things(t, w, b)...)
}

// things are the pages of one transaction, budget and wallet of a person's.
func things(t *testing.T, w *world, b *browser) (all []string) {
	t.Helper()
	type list struct{ Items []struct{ ID string } }
	token := b.opened(t).Access
	for _, kind := range []string{"transactions", "budgets", "wallets"} {
		var found list
		w.call(token, http.MethodGet, "/"+kind, nil, &found)
		require.NotEmpty(t, found.Items, kind)
		all = append(all, "/"+kind+"/"+found.Items[0].ID)
	}
	return all
}

// between is what stands between two texts of a page, the first time.
func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, before)
	require.True(t, found, "%s is not in %s", before, text)
	got, _, found := strings.Cut(rest, after)
	require.True(t, found)
	return got
}

func (b *browser) wallet(t *testing.T) string {
	t.Helper()
	return between(t, between(t, b.get("/transactions").must(t, 200).body, `name="wallet"`, "</select>"), `<option value="`, `"`)
}

func TestATransactionIsRecordedChangedDeletedAndRestored(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	entry := form{"kind": "expense", "amount": "12,50", "category": "groceries", "description": "Market", "wallet": b.wallet(t), "date": "2026-03-29", "key": uuid.NewString()}
	got := b.post("/transactions", entry)
	require.Equal(t, 303, got.must(t, 303).status)
	id := strings.TrimPrefix(got.to, "/transactions?recorded=")
	require.Equal(t, got.to, b.post("/transactions", entry).to, "pressed twice, it is one")
	list := b.get(got.to).must(t, 200).body
	require.Contains(t, list, "Recorded: Market, −€12.50")
	require.Contains(t, list, "29\u00a0Mar\u00a02026", "the day that was entered, on which clocks change")
	require.Equal(t, 1, strings.Count(list, `href="/transactions/`+id+`"`))

	page := b.get("/transactions/"+id).must(t, 200).body
	etag := strings.ReplaceAll(between(t, page, `name="etag" value="`, `">`), "&#34;", `"`)
	change := form{"kind": "expense", "amount": "13.00", "category": "leisure", "description": "Fair", "wallet": entry["wallet"], "date": "2026-03-29", "etag": etag}
	b.post("/transactions/"+id, change).leads(t, "/transactions?changed="+id)
	list = b.get("/transactions?changed=" + id).body
	require.Contains(t, list, "Saved: Fair, −€13.00")
	require.Contains(t, list, "29\u00a0Mar\u00a02026", "a day that is not changed stays")

	change["description"] = "Of somebody who saw it before"
	stale := b.post("/transactions/"+id, change).must(t, 412).body
	require.Contains(t, stale, "changed elsewhere")
	require.Contains(t, stale, `value="Fair"`)

	change["amount"], change["date"] = "1.2.3", "someday"
	wrong := b.post("/transactions/"+id, change).must(t, 422).body
	require.Contains(t, wrong, `id="amount-problem"`)
	require.Contains(t, wrong, `id="date-problem"`)
	require.Contains(t, wrong, `value="1.2.3"`)

	b.post("/transactions/"+id+"/delete", nil).leads(t, "/transactions?removed="+id)
	list = b.get("/transactions?removed=" + id).body
	require.Contains(t, list, `action="/transactions/`+id+`/restore"`)
	require.NotContains(t, list, `href="/transactions/`+id+`"`)
	require.Contains(t, b.get("/transactions?deleted=yes").body, `href="/transactions/`+id+`"`)
	require.Contains(t, b.get("/transactions/"+id).must(t, 200).body, "Deleted on")
	b.post("/transactions/"+id+"/restore", nil).leads(t, "/transactions?restored="+id)
	require.Contains(t, b.get("/transactions").body, `href="/transactions/`+id+`"`)
	require.Contains(t, b.get("/dashboard").body, "€1,221.50")
}

func TestWhatIsWrongWithATransactionStandsBesideIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	wallet := b.wallet(t)
	for name, c := range map[string]struct {
		change form
		field  string
	}{
		"no amount":                  {form{"amount": ""}, "amount"},
		"an amount of nothing":       {form{"amount": "0"}, "amount"},
		"more places than there are": {form{"amount": "1.2345"}, "amount"},
		"no category":                {form{"category": ""}, "category"},
		"a category that is none":    {form{"category": "nothing"}, "category"},
		"a day that is none":         {form{"date": "2026-02-30"}, "date"},
		"a day far ahead":            {form{"date": time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}, "date"},
		"a wallet that is none":      {form{"wallet": uuid.NewString()}, "wallet"},
		"a kind that is none":        {form{"kind": "gift"}, "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			entry := form{"kind": "expense", "amount": "1", "category": "groceries", "description": "kept as typed", "wallet": wallet, "date": "", "key": uuid.NewString()}
			for key, value := range c.change {
				entry[key] = value
			}
			got := b.post("/transactions", entry).must(t, 422).body
			require.Contains(t, got, `id="`+c.field+`-problem"`)
			require.Contains(t, got, `value="kept as typed"`)
		})
	}
}

func TestSearchesAreLinks(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	wallet := b.wallet(t)
	for i, one := range []form{
		{"kind": "expense", "category": "groceries", "description": "Baker"}, {"kind": "income", "category": "salary", "description": "Employer"}, {"kind": "income", "category": "groceries", "description": "Deposit back"},
	} {
		one["amount"], one["wallet"], one["key"] = string(rune('1'+i)), wallet, uuid.NewString()
		b.post("/transactions", one).must(t, 303)
	}
	shown := func(query string) (names []string) {
		body := b.get("/transactions"+query).must(t, 200).body
		for _, name := range []string{"Baker", "Employer", "Deposit back"} {
			if strings.Contains(body, ">"+name+"</a>") {
				names = append(names, name)
			}
		}
		return names
	}
	require.Equal(t, []string{"Baker", "Employer", "Deposit back"}, shown(""))
	require.Equal(t, []string{"Baker"}, shown("?q=bak"))
	require.Equal(t, []string{"Baker"}, shown("?type=expense"))
	require.Equal(t, []string{"Baker", "Deposit back"}, shown("?category=groceries"))
	require.Empty(t, shown("?until=2020-01-01"))
	require.Empty(t, shown("?deleted=yes"))
	require.Contains(t, b.get("/transactions").body, "Refund")
	for _, query := range []string{"?from=someday", "?cursor=nonsense", "?wallet=x&type=y&category=z", "?q=%00", "?q=" + strings.Repeat("x", 300)} {
		got := b.get("/transactions" + query)
		require.Equal(t, 200, got.status, query)
	}
	require.Contains(t, b.get("/transactions?from=someday").body, "This search cannot be carried out")
}

func TestALongListGoesOn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	token, wallet := b.opened(t).Access, b.wallet(t)
	for range pageSize + 5 {
		w.call(token, http.MethodPost, "/transactions", map[string]any{"walletId": wallet, "type": "expense", "amount": "1", "category": "groceries", "description": "Bread"}, nil)
	}
	const row = `class="pair transaction"`
	first := b.get("/transactions?q=bread").must(t, 200).body
	require.Equal(t, pageSize, strings.Count(first, row))
	next := strings.ReplaceAll(between(t, first, `<a class="button" href="/transactions?`, `"`), "&amp;", "&")
	require.Contains(t, next, "q=bread")
	second := b.get("/transactions?"+next).must(t, 200).body
	require.Equal(t, 5, strings.Count(second, row))
	require.NotContains(t, second, `id="more"`)
}

func TestBudgets(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	budget := form{"category": "groceries", "amount": "1,000", "currency": "EUR", "month": "2026-10", "threshold": "75", "rollover": "yes", "key": uuid.NewString()}
	b.post("/budgets", budget).leads(t, "/budgets?month=2026-10")
	body := b.get("/budgets?month=2026-10").must(t, 200).body
	require.Contains(t, body, "€0.00 of €1,000.00")
	require.Contains(t, body, "Warns at 75%")
	budget["key"] = uuid.NewString()
	require.Contains(t, b.post("/budgets", budget).must(t, 409).body, `id="category-problem"`)
	budget["amount"], budget["threshold"], budget["month"] = "-5", "200", "2026-09"
	require.Contains(t, b.post("/budgets", budget).must(t, 422).body, `id="threshold-problem"`)
	budget["threshold"] = "80"
	require.Contains(t, b.post("/budgets", budget).must(t, 422).body, `id="amount-problem"`)

	require.Contains(t, b.get("/budgets?month=2026-11").body, "Take over those of October")
	b.post("/budgets/copy", form{"from": "2026-10", "to": "2026-11", "key": uuid.NewString()}).leads(t, "/budgets?month=2026-11")
	id := between(t, b.get("/budgets?month=2026-11").body, `href="/budgets/`, `"`)
	etag := strings.ReplaceAll(between(t, b.get("/budgets/"+id).must(t, 200).body, `name="etag" value="`, `">`), "&#34;", `"`)
	change := form{"amount": "900", "threshold": "80", "etag": etag}
	b.post("/budgets/"+id, change).leads(t, "/budgets?month=2026-11")
	require.Contains(t, b.post("/budgets/"+id, change).must(t, 412).body, "changed elsewhere")
	require.Contains(t, b.get("/budgets?month=2026-11").body, "of €900.00")
	b.post("/budgets/"+id+"/delete", form{"month": "2026-11"}).leads(t, "/budgets?month=2026-11")
	require.NotContains(t, b.get("/budgets?month=2026-11").body, id)
	b.get("/budgets/"+id).must(t, 404)
	b.get("/budgets?month=nonsense").must(t, 200)
}

func TestWallets(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	b.post("/wallets", form{"name": "Card", "type": "credit", "currency": "USD", "opening": "-10", "key": uuid.NewString()}).leads(t, "/wallets")
	body := b.get("/wallets").must(t, 200).body
	require.Contains(t, body, "−$10.00")
	_, rest, _ := strings.Cut(body, `−$10.00`)
	require.NotEmpty(t, rest)
	require.Contains(t, b.post("/wallets", form{"name": "", "type": "cash", "currency": "EUR"}).must(t, 422).body, `id="name-problem"`)
	// ISO 4217's code for no currency: nobody's money is in it.
	require.Contains(t, b.post("/wallets", form{"name": "X", "type": "cash", "currency": "XXX"}).must(t, 422).body, `id="currency-problem"`)

	id := between(t, body, `href="/wallets/`, `"`)
	etag := strings.ReplaceAll(between(t, b.get("/wallets/"+id).must(t, 200).body, `name="etag" value="`, `">`), "&#34;", `"`)
	change := form{"name": "Everyday", "type": "checking", "opening": "1,000", "etag": etag}
	b.post("/wallets/"+id, change).leads(t, "/wallets")
	require.Contains(t, b.get("/wallets").body, "€1,000.00")
	b.post("/wallets/"+id, change).must(t, 412)
	b.post("/wallets/"+id+"/archive", nil).leads(t, "/wallets")
	require.Contains(t, b.get("/wallets").body, "Archived (1)")
	require.Contains(t, b.get("/wallets/"+id).body, "Archived on")
	b.post("/wallets/"+id+"/restore", nil).leads(t, "/wallets")
	require.NotContains(t, b.get("/wallets").body, "Archived (1)")
	for _, path := range []string{"/wallets/nonsense", "/wallets/" + uuid.NewString(), "/transactions/" + uuid.NewString(), "/budgets/x"} {
		b.get(path).must(t, 404)
	}
}

func TestInsightsAndAlerts(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	require.Contains(t, b.get("/insights").must(t, 200).body, "Nothing needs your attention")
	require.Contains(t, b.get("/alerts").must(t, 200).body, "Nothing yet")
	token := b.opened(t).Access
	w.seedInsights(token)
	w.alert(w.userOf(token), "A bill is due")
	body := b.get("/insights").body
	require.Contains(t, body, "15.99 EUR")
	require.Contains(t, body, "92%")
	id := between(t, body, `action="/insights/`, `/dismiss"`)
	b.post("/insights/"+id+"/dismiss", form{"feedback": "wrong"}).leads(t, "/insights")
	require.NotContains(t, b.get("/insights").body, id)
	id = between(t, b.get("/insights").body, `action="/insights/`, `/dismiss"`)
	require.Empty(t, b.post("/insights/"+id+"/dismiss", form{"feedback": "useful"}, "HX-Request", "true").must(t, 200).body)
	require.Contains(t, b.get("/insights").body, "Nothing needs your attention")

	require.Contains(t, b.get("/dashboard").body, "1 unread alert")
	require.Contains(t, b.get("/bell").must(t, 200).body, "1 unread alert")
	require.Contains(t, b.get("/alerts").body, "A bill is due")
	b.post("/alerts/read", nil).leads(t, "/alerts")
	require.NotContains(t, b.get("/alerts").body, "unread alert")
}

func TestOthersThingsAreNotThere(t *testing.T) {
	w := newWorld(t)
	owner, other := w.browser(), w.browser()
	owner.joins("Ada", "Main")
	other.joins("Mallory", "Trap")
	w.seed(owner.opened(t).Access, "secret")
	for _, path := range things(t, w, owner) {
		owner.get(path).must(t, 200)
		other.get(path).must(t, 404)
		other.post(path, form{"amount": "1", "name": "x", "type": "cash", "kind": "expense", "category": "groceries", "wallet": uuid.NewString(), "threshold": "80"}).must(t, 404)
	}
	id := strings.TrimPrefix(things(t, w, owner)[0], "/transactions/")
	for _, path := range []string{"/transactions/" + id + "/delete", "/transactions/" + id + "/restore"} {
		other.post(path, nil).must(t, 404)
	}
}
