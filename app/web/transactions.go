package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

// filters are the fields of a search, which are also the parameters of its address.
var filters = []string{"q", "wallet", "category", "type", "from", "until", "deleted"}

// pageSize is how many transactions a page has.
const pageSize = 50

// books are what forms of transactions offer.
type books struct {
	wallets    []backend.Wallet // in use, and archived ones
	categories []backend.Category
}

func (s *Server) books(ctx context.Context) (b books, err error) {
	archived := true
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		answer, err := backend.Read(s.API.ListWalletsWithResponse(ctx, &backend.ListWalletsParams{Archived: &archived}))
		if err == nil {
			b.wallets = answer.JSON200.Items
		}
		return err
	})
	both.Go(func() error {
		answer, err := backend.Read(s.API.ListCategoriesWithResponse(ctx, &backend.ListCategoriesParams{Archived: &archived}))
		if err == nil {
			b.categories = answer.JSON200.Items
		}
		return err
	})
	return b, both.Wait()
}

func (s *Server) transactions(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := view.Form{Values: map[string]string{"kind": "expense", "date": v.today()}, Key: newKey()}
	return s.showTransactions(w, r, v, http.StatusOK, f)
}

// showTransactions shows the search that the address has, with the form of a new transaction.
func (s *Server) showTransactions(w http.ResponseWriter, r *http.Request, v *visit, status int, f view.Form) error {
	query := r.URL.Query()
	search := map[string]string{}
	for _, name := range filters {
		if value := strings.TrimSpace(query.Get(name)); value != "" {
			search[name] = value
		}
	}
	params, problem := searchOf(search, query.Get("cursor")), ""
	var answer *backend.ListTransactionsResponse
	var b books
	var unread int64
	all, ctx := errgroup.WithContext(r.Context())
	all.Go(func() (err error) {
		answer, err = backend.Read(s.API.ListTransactionsWithResponse(ctx, params))
		if backend.Status(err) == http.StatusUnprocessableEntity || backend.Status(err) == http.StatusBadRequest {
			problem, err = v.locale.Text.BadSearch, nil // what somebody wrote into the address
		}
		return err
	})
	all.Go(func() (err error) { b, err = s.books(ctx); return err })
	all.Go(func() (err error) { unread, err = s.unread(ctx); return err })
	if err := all.Wait(); err != nil {
		return err
	}
	p := v.page(r, "transactions", v.locale.Text.Transactions)
	p.Unread, p.Category = unread, namesOf(b.categories)
	t := view.Transactions{Search: search, Wallets: b.wallets, Categories: b.categories, Today: v.today(), Problem: problem}
	if answer != nil {
		p.Stale = staleSince(answer.HTTPResponse)
		t.Items = answer.JSON200.Items
		t.LookedBackTo = answer.JSON200.LookedBackTo
		if answer.JSON200.NextCursor != nil {
			t.Older = address("/transactions", search, "cursor", *answer.JSON200.NextCursor)
		}
	}
	s.tellChange(r, v, &t)
	if t.Done != "" {
		p.Since = p.Since.Add(-formTime)
	}
	return show(w, r, status, view.TransactionsPage(p, f, t))
}

// formTime is how long before this page its form may have been sent, of which alerts come.
const formTime = 3 * time.Second

// tellChange has the page say what has just been done, which the address names, and how to undo it.
func (s *Server) tellChange(r *http.Request, v *visit, t *view.Transactions) {
	for _, name := range []string{"recorded", "changed", "removed", "restored"} {
		id, err := uuid.Parse(r.URL.Query().Get(name))
		if err != nil {
			continue
		}
		// It has been done; that it cannot be read does not matter.
		if answer, err := backend.Read(s.API.GetTransactionWithResponse(r.Context(), id)); err == nil {
			t.Done, t.Changed = name, answer.JSON200
		}
	}
}

// today is the day in the person's time zone.
func (v *visit) today() string { return time.Now().In(v.zone()).Format(time.DateOnly) }

func searchOf(search map[string]string, cursor string) *backend.ListTransactionsParams {
	limit, deleted := int64(pageSize), true
	params := &backend.ListTransactionsParams{
		Limit: &limit, Q: optional(search["q"]), Category: optional(search["category"]), From: optional(search["from"]), Until: optional(search["until"]),
		Cursor: optional(cursor),
	}
	if id, err := uuid.Parse(search["wallet"]); err == nil {
		params.Wallet = &id
	}
	if kind := backend.ListTransactionsParamsType(search["type"]); kind.Valid() {
		params.Type = &kind
	}
	if search["deleted"] != "" {
		params.Deleted = &deleted
	}
	return params
}

// address is a page with the parameters of a search, and others.
func address(path string, search map[string]string, others ...string) string {
	query := url.Values{}
	for name, value := range search {
		query.Set(name, value)
	}
	for i := 0; i < len(others); i += 2 {
		query.Set(others[i], others[i+1])
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func namesOf(categories []backend.Category) map[string]string {
	names := map[string]string{}
	for _, c := range categories {
		names[c.Slug] = c.Name
	}
	return names
}

func (s *Server) unread(ctx context.Context) (int64, error) {
	answer, err := backend.Read(s.API.CountUnreadAlertsWithResponse(ctx))
	if err != nil {
		return 0, err
	}
	return answer.JSON200.Unread, nil
}

var transactionFields = map[string]string{"walletId": "wallet", "type": "kind", "timestamp": "date"}

func (s *Server) record(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "kind", "amount", "category", "description", "wallet", "date", "key")
	if err != nil {
		return err
	}
	text := v.locale.Text
	body := backend.PostTransactionJSONRequestBody{
		Type: backend.NewTransactionType(f.Values["kind"]), Category: optional(f.Values["category"]), Description: optional(f.Values["description"]),
	}
	if body.Amount, err = v.locale.Parse(f.Values["amount"]); err != nil {
		f.Wrong["amount"] = text.BadAmount
	}
	if body.WalletId, err = uuid.Parse(f.Values["wallet"]); err != nil {
		f.Wrong["wallet"] = text.Required
	}
	if f.Values["category"] == "" {
		f.Wrong["category"] = text.Required
	}
	if body.Timestamp, err = v.momentOf(f.Values["date"]); err != nil {
		f.Wrong["date"] = text.BadDay
	}
	if f.Failed() {
		return s.showTransactions(w, r, v, http.StatusUnprocessableEntity, f)
	}
	answer, err := backend.Read(s.API.PostTransactionWithResponse(r.Context(), &backend.PostTransactionParams{IdempotencyKey: key(f)}, body))
	if err != nil {
		if s.refused(&f, v, err, transactionFields) {
			return s.showTransactions(w, r, v, backend.Status(err), f)
		}
		return err
	}
	s.redirect(w, r, address("/transactions", nil, "recorded", answer.JSON201.Id))
	return nil
}

// momentOf is an instant on a day of the person's calendar: now for today or without a day, and
// noon for any other, which every day has once.
func (v *visit) momentOf(day string) (*time.Time, error) {
	if day == "" || day == v.today() {
		return nil, nil
	}
	date, err := time.ParseInLocation(time.DateOnly, day, v.zone())
	if err != nil {
		return nil, err
	}
	noon := time.Date(date.Year(), date.Month(), date.Day(), 12, 0, 0, 0, v.zone()).UTC()
	return &noon, nil
}

// idOf is the id in a request's path.
func idOf(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return id, errNotFound
	}
	return id, nil
}

func (s *Server) showTransaction(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.askTransaction(w, r, v, http.StatusOK, nil)
}

// askTransaction shows a transaction to be changed; f is what was typed, nil: nothing yet.
func (s *Server) askTransaction(w http.ResponseWriter, r *http.Request, v *visit, status int, f *view.Form) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	answer, err := backend.Read(s.API.GetTransactionWithResponse(r.Context(), id))
	if err != nil {
		return err
	}
	b, err := s.books(r.Context())
	if err != nil {
		return err
	}
	t := answer.JSON200
	if f == nil {
		f = &view.Form{Values: map[string]string{
			"kind": string(t.Type), "amount": v.locale.Input(t.Amount, t.Currency), "category": t.Category, "description": t.Description,
			"wallet": t.WalletId, "date": t.Date.String(),
		}}
	}
	f.Values["etag"] = answer.HTTPResponse.Header.Get("ETag")
	p := v.page(r, "transactions", v.locale.Text.EditTransaction)
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	p.Category = namesOf(b.categories)
	return show(w, r, status, view.TransactionPage(p, *f, *t, b.wallets, b.categories))
}

func (s *Server) editTransaction(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := read(r, "kind", "amount", "category", "description", "wallet", "date", "etag")
	if err != nil {
		return err
	}
	text := v.locale.Text
	before, err := backend.Read(s.API.GetTransactionWithResponse(r.Context(), id))
	if err != nil {
		return err
	}
	was := before.JSON200
	description, category := f.Values["description"], f.Values["category"]
	change := backend.EditTransactionJSONRequestBody{Description: &description}
	if was.Type != backend.TransactionTypeTransfer { // what is at the ends of a transfer stays
		kind := backend.EditType(f.Values["kind"])
		change.Type, change.Category = &kind, &category
		wallet, err := uuid.Parse(f.Values["wallet"])
		if err != nil {
			f.Wrong["wallet"] = text.Required
		}
		change.WalletId = &wallet
	}
	if was.ToAmount == nil {
		amount, err := v.locale.Parse(f.Values["amount"])
		if err != nil {
			f.Wrong["amount"] = text.BadAmount
		}
		change.Amount = &amount
	}
	if day := f.Values["date"]; day != was.Date.String() {
		if change.Timestamp, err = v.momentOf(day); err != nil || day == "" {
			f.Wrong["date"] = text.BadDay
		} else if change.Timestamp == nil {
			now := time.Now().UTC()
			change.Timestamp = &now
		}
	}
	if f.Failed() {
		return s.askTransaction(w, r, v, http.StatusUnprocessableEntity, &f)
	}
	_, err = backend.Read(s.API.EditTransactionWithResponse(r.Context(), id, &backend.EditTransactionParams{IfMatch: optional(f.Values["etag"])}, change))
	switch status := backend.Status(err); {
	case status == http.StatusPreconditionFailed:
		return s.askTransaction(w, r, v, status, &view.Form{Problem: text.ChangedMeanwhile, Values: map[string]string{
			"kind": string(was.Type), "amount": v.locale.Input(was.Amount, was.Currency), "category": was.Category, "description": was.Description,
			"wallet": was.WalletId, "date": was.Date.String(),
		}})
	case err != nil && s.refused(&f, v, err, transactionFields):
		return s.askTransaction(w, r, v, status, &f)
	case err != nil:
		return err
	}
	s.redirect(w, r, address("/transactions", nil, "changed", id.String()))
	return nil
}

func (s *Server) deleteTransaction(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if _, err := backend.Read(s.API.DeleteTransactionWithResponse(r.Context(), id, &backend.DeleteTransactionParams{})); err != nil {
		return err
	}
	s.redirect(w, r, address("/transactions", nil, "removed", id.String()))
	return nil
}

func (s *Server) restoreTransaction(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if _, err := backend.Read(s.API.RestoreTransactionWithResponse(r.Context(), id, &backend.RestoreTransactionParams{})); err != nil {
		return err
	}
	s.redirect(w, r, fmt.Sprintf("/transactions?restored=%s", id))
	return nil
}
