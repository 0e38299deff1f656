package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

// monthLayout is how the API writes months.
const monthLayout = "2006-01"

func (s *Server) budgets(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showBudgets(w, r, v, http.StatusOK, r.URL.Query().Get("month"), view.Form{Values: map[string]string{"threshold": "80"}, Key: newKey()})
}

func (s *Server) showBudgets(w http.ResponseWriter, r *http.Request, v *visit, status int, month string, f view.Form) error {
	this := time.Now().In(v.zone()).Format(monthLayout)
	at, err := time.Parse(monthLayout, month)
	if err != nil {
		at, _ = time.Parse(monthLayout, this)
	}
	month = at.Format(monthLayout)
	answer, err := backend.Read(s.API.ListBudgetsWithResponse(r.Context(), &backend.ListBudgetsParams{Month: &month}))
	if err != nil {
		return err
	}
	b, err := s.books(r.Context())
	if err != nil {
		return err
	}
	p := v.page(r, "budgets", v.locale.Text.Budgets)
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	p.Category, p.Stale = namesOf(b.categories), staleSince(answer.HTTPResponse)
	if f.Values["currency"] == "" {
		f.Values["currency"] = mainCurrency(b.wallets)
	}
	return show(w, r, status, view.BudgetsPage(p, f, view.Budgets{
		Month: month, This: this, Before: at.AddDate(0, -1, 0).Format(monthLayout), After: at.AddDate(0, 1, 0).Format(monthLayout),
		Items: answer.JSON200.Items, Categories: b.categories, Currencies: currenciesOf(b.wallets),
	}))
}

func mainCurrency(wallets []backend.Wallet) string {
	for _, w := range wallets {
		if w.ArchivedAt == nil {
			return w.Currency
		}
	}
	return commonCurrencies[0]
}

func currenciesOf(wallets []backend.Wallet) (all []string) {
	seen := map[string]bool{}
	for _, w := range wallets {
		if !seen[w.Currency] {
			seen[w.Currency], all = true, append(all, w.Currency)
		}
	}
	if len(all) == 0 {
		return commonCurrencies
	}
	return all
}

func (s *Server) createBudget(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "category", "amount", "currency", "month", "rollover", "threshold", "key")
	if err != nil {
		return err
	}
	body := backend.CreateBudgetJSONRequestBody{Category: f.Values["category"], Currency: f.Values["currency"], Month: f.Values["month"]}
	amount, rollover, threshold := budgetFields(&f, v)
	if f.Failed() {
		return s.showBudgets(w, r, v, http.StatusUnprocessableEntity, f.Values["month"], f)
	}
	body.Amount, body.Rollover, body.Threshold = amount, &rollover, threshold
	_, err = backend.Read(s.API.CreateBudgetWithResponse(r.Context(), &backend.CreateBudgetParams{IdempotencyKey: key(f)}, body))
	if err != nil {
		if backend.Status(err) == http.StatusConflict {
			f.Wrong["category"], f.Key = v.locale.Text.BudgetThere, newKey()
			return s.showBudgets(w, r, v, http.StatusConflict, f.Values["month"], f)
		}
		if s.refused(&f, v, err, nil) {
			return s.showBudgets(w, r, v, backend.Status(err), f.Values["month"], f)
		}
		return err
	}
	s.redirect(w, r, address("/budgets", nil, "month", f.Values["month"]))
	return nil
}

// budgetFields reads what of a budget can be changed.
func budgetFields(f *view.Form, v *visit) (amount string, rollover bool, threshold *int64) {
	amount, err := v.locale.Parse(f.Values["amount"])
	if err != nil {
		f.Wrong["amount"] = v.locale.Text.BadAmount
	}
	if text := f.Values["threshold"]; text != "" {
		percent, err := strconv.ParseInt(text, 10, 64)
		if err != nil || percent < 1 || percent > 100 {
			f.Wrong["threshold"] = v.locale.Text.BadPercent
		}
		threshold = &percent
	}
	return amount, f.Values["rollover"] != "", threshold
}

func (s *Server) copyBudgets(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "from", "to", "key")
	if err != nil {
		return err
	}
	_, err = backend.Read(s.API.CopyBudgetsWithResponse(r.Context(), &backend.CopyBudgetsParams{IdempotencyKey: key(f)}, backend.CopyBudgetsJSONRequestBody{From: f.Values["from"], To: f.Values["to"]}))
	if err != nil {
		f.Values["threshold"] = "80"
		if s.refused(&f, v, err, nil) {
			return s.showBudgets(w, r, v, backend.Status(err), f.Values["to"], f)
		}
		return err
	}
	s.redirect(w, r, address("/budgets", nil, "month", f.Values["to"]))
	return nil
}

func (s *Server) showBudget(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.askBudget(w, r, v, http.StatusOK, nil)
}

func (s *Server) askBudget(w http.ResponseWriter, r *http.Request, v *visit, status int, f *view.Form) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	answer, err := backend.Read(s.API.GetBudgetWithResponse(r.Context(), id))
	if err != nil {
		return err
	}
	b := answer.JSON200
	if f == nil || f.Values == nil {
		values := map[string]string{"amount": v.locale.Input(b.Amount, b.Currency), "threshold": strconv.FormatInt(b.Threshold, 10), "rollover": ""}
		if b.Rollover {
			values["rollover"] = "yes"
		}
		if f == nil {
			f = &view.Form{}
		}
		f.Values = values
	}
	f.Values["etag"] = answer.HTTPResponse.Header.Get("ETag")
	p := v.page(r, "budgets", v.locale.Text.EditBudget)
	if p.Category, err = s.categoryNames(r.Context()); err != nil {
		return err
	}
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	return show(w, r, status, view.BudgetPage(p, *f, *b))
}

func (s *Server) editBudget(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := read(r, "amount", "rollover", "threshold", "month", "etag")
	if err != nil {
		return err
	}
	amount, rollover, threshold := budgetFields(&f, v)
	if f.Failed() {
		return s.askBudget(w, r, v, http.StatusUnprocessableEntity, &f)
	}
	change := backend.EditBudgetJSONRequestBody{Amount: &amount, Rollover: &rollover, Threshold: threshold}
	answer, err := backend.Read(s.API.EditBudgetWithResponse(r.Context(), id, &backend.EditBudgetParams{IfMatch: optional(f.Values["etag"])}, change))
	switch status := backend.Status(err); {
	case status == http.StatusPreconditionFailed:
		return s.askBudget(w, r, v, status, &view.Form{Problem: v.locale.Text.ChangedMeanwhile})
	case err != nil && s.refused(&f, v, err, nil):
		return s.askBudget(w, r, v, status, &f)
	case err != nil:
		return err
	}
	s.redirect(w, r, address("/budgets", nil, "month", answer.JSON200.Month))
	return nil
}

func (s *Server) deleteBudget(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := read(r, "month")
	if err != nil {
		return err
	}
	if _, err := backend.Read(s.API.DeleteBudgetWithResponse(r.Context(), id, &backend.DeleteBudgetParams{})); err != nil {
		return err
	}
	s.redirect(w, r, address("/budgets", nil, "month", f.Values["month"]))
	return nil
}

func (s *Server) wallets(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showWallets(w, r, v, http.StatusOK, view.Form{Values: map[string]string{"currency": "", "type": "checking"}, Key: newKey()})
}

func (s *Server) showWallets(w http.ResponseWriter, r *http.Request, v *visit, status int, f view.Form) error {
	archived := true
	answer, err := backend.Read(s.API.ListWalletsWithResponse(r.Context(), &backend.ListWalletsParams{Archived: &archived}))
	if err != nil {
		return err
	}
	currencies, err := s.currencies(r.Context())
	if err != nil {
		return err
	}
	p := v.page(r, "wallets", v.locale.Text.Wallets)
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	p.Stale = staleSince(answer.HTTPResponse)
	if f.Values["currency"] == "" {
		f.Values["currency"] = mainCurrency(answer.JSON200.Items)
	}
	return show(w, r, status, view.WalletsPage(p, f, answer.JSON200.Items, currencies))
}

func (s *Server) createWallet(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "name", "type", "currency", "opening", "key")
	if err != nil {
		return err
	}
	body, ok := walletOf(&f, v.locale)
	if !ok {
		return s.showWallets(w, r, v, http.StatusUnprocessableEntity, f)
	}
	_, err = backend.Read(s.API.CreateWalletWithResponse(r.Context(), &backend.CreateWalletParams{IdempotencyKey: key(f)}, body))
	if err != nil {
		if s.refused(&f, v, err, map[string]string{"openingBalance": "opening"}) {
			return s.showWallets(w, r, v, backend.Status(err), f)
		}
		return err
	}
	s.redirect(w, r, "/wallets")
	return nil
}

func (s *Server) showWallet(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.askWallet(w, r, v, http.StatusOK, nil)
}

func (s *Server) askWallet(w http.ResponseWriter, r *http.Request, v *visit, status int, f *view.Form) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	answer, err := backend.Read(s.API.GetWalletWithResponse(r.Context(), id))
	if err != nil {
		return err
	}
	its := answer.JSON200
	if f == nil || f.Values == nil {
		if f == nil {
			f = &view.Form{}
		}
		f.Values = map[string]string{"name": its.Name, "type": string(its.Type), "opening": v.locale.Input(its.OpeningBalance, its.Currency)}
	}
	f.Values["etag"] = answer.HTTPResponse.Header.Get("ETag")
	p := v.page(r, "wallets", its.Name)
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	return show(w, r, status, view.WalletPage(p, *f, *its))
}

func (s *Server) editWallet(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := read(r, "name", "type", "opening", "etag")
	if err != nil {
		return err
	}
	body, ok := walletOf(&f, v.locale)
	if !ok {
		return s.askWallet(w, r, v, http.StatusUnprocessableEntity, &f)
	}
	kind := backend.WalletEditType(body.Type)
	change := backend.EditWalletJSONRequestBody{Name: &body.Name, Type: &kind, OpeningBalance: body.OpeningBalance}
	_, err = backend.Read(s.API.EditWalletWithResponse(r.Context(), id, &backend.EditWalletParams{IfMatch: optional(f.Values["etag"])}, change))
	switch status := backend.Status(err); {
	case status == http.StatusPreconditionFailed:
		return s.askWallet(w, r, v, status, &view.Form{Problem: v.locale.Text.ChangedMeanwhile})
	case err != nil && s.refused(&f, v, err, map[string]string{"openingBalance": "opening"}):
		return s.askWallet(w, r, v, status, &f)
	case err != nil:
		return err
	}
	s.redirect(w, r, "/wallets")
	return nil
}

// moveWallet archives a wallet, or takes it out of the archive.
func (s *Server) moveWallet(archive bool) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		id, err := idOf(r)
		if err != nil {
			return err
		}
		if archive {
			_, err = backend.Read(s.API.ArchiveWalletWithResponse(r.Context(), id, &backend.ArchiveWalletParams{}))
		} else {
			_, err = backend.Read(s.API.RestoreWalletWithResponse(r.Context(), id, &backend.RestoreWalletParams{}))
		}
		f := view.Form{}
		if err != nil {
			if s.refused(&f, v, err, nil) {
				return s.askWallet(w, r, v, backend.Status(err), &f)
			}
			return err
		}
		s.redirect(w, r, "/wallets")
		return nil
	}
}

func (s *Server) insights(w http.ResponseWriter, r *http.Request, v *visit) error {
	answer, err := backend.Read(s.API.ListInsightsWithResponse(r.Context(), &backend.ListInsightsParams{Cursor: optional(r.URL.Query().Get("cursor"))}))
	if err != nil {
		return err
	}
	p := v.page(r, "insights", v.locale.Text.Insights)
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	p.Stale = staleSince(answer.HTTPResponse)
	return show(w, r, http.StatusOK, view.InsightsPage(p, answer.JSON200.Items, older("/insights", answer.JSON200.NextCursor)))
}

// older is the address of a list's next page; "": it has none.
func older(path string, cursor *string) string {
	if cursor == nil {
		return ""
	}
	return address(path, nil, "cursor", *cursor)
}

func (s *Server) dismissInsight(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := read(r, "feedback", "key")
	if err != nil {
		return err
	}
	feedback := backend.DismissalFeedback(f.Values["feedback"])
	if !feedback.Valid() {
		feedback = backend.DismissalFeedbackNone
	}
	if _, err := backend.Read(s.API.DismissInsightWithResponse(r.Context(), id, &backend.DismissInsightParams{}, backend.DismissInsightJSONRequestBody{Feedback: &feedback})); err != nil {
		return err
	}
	if r.Header.Get("HX-Request") != "" { // it is taken off the page that is open
		w.WriteHeader(http.StatusOK)
		return nil
	}
	s.redirect(w, r, "/insights")
	return nil
}

func (s *Server) alerts(w http.ResponseWriter, r *http.Request, v *visit) error {
	answer, err := backend.Read(s.API.ListAlertsWithResponse(r.Context(), &backend.ListAlertsParams{Cursor: optional(r.URL.Query().Get("cursor"))}))
	if err != nil {
		return err
	}
	p := v.page(r, "alerts", v.locale.Text.Alerts)
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	p.Stale = staleSince(answer.HTTPResponse)
	return show(w, r, http.StatusOK, view.AlertsPage(p, answer.JSON200.Items, older("/alerts", answer.JSON200.NextCursor)))
}

func (s *Server) readAlerts(w http.ResponseWriter, r *http.Request, _ *visit) error {
	once := uuid.New()
	if _, err := backend.Read(s.API.ReadAlertsWithResponse(r.Context(), &backend.ReadAlertsParams{IdempotencyKey: &once})); err != nil {
		return err
	}
	s.redirect(w, r, "/alerts")
	return nil
}

// design shows every component with its states, for whoever works on them.
func (s *Server) design(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !s.Design {
		return errNotFound
	}
	return show(w, r, http.StatusOK, view.Design(v.page(r, "", "Design")))
}
