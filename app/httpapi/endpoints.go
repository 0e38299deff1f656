package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/account"
	"github.com/wealth-companion/companion/app/budget"
	"github.com/wealth-companion/companion/app/ledger"
	"github.com/wealth-companion/companion/app/page"
)

// session is a login.
type session struct {
	Token     string       `json:"token"`
	ExpiresAt time.Time    `json:"expiresAt"`
	User      account.User `json:"user"`
}

func (a *API) session(user account.User) (session, error) {
	token, ends, err := a.Tokens.Issue(user.ID, time.Now())
	return session{token, ends, user}, err
}

func (a *API) register(r *http.Request) (answer, error) {
	registration, err := body[account.Registration](r)
	if err != nil {
		return answer{}, err
	}
	user, err := a.Accounts.Register(r.Context(), registration)
	if err != nil {
		return answer{}, err
	}
	s, err := a.session(user)
	return made(s), err
}

func (a *API) login(r *http.Request) (answer, error) {
	credentials, err := body[struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}](r)
	if err != nil {
		return answer{}, err
	}
	user, err := a.Accounts.Login(r.Context(), credentials.Email, credentials.Password)
	if err != nil {
		return answer{}, err
	}
	s, err := a.session(user)
	return found(s), err
}

func (a *API) me(r *http.Request, user uuid.UUID) (answer, error) {
	who, err := a.Accounts.Find(r.Context(), user)
	return found(who), err
}

// whole is a list that is short enough for one page.
func whole[T any](items []T) answer {
	if items == nil {
		items = []T{}
	}
	return found(page.List[T]{Items: items})
}

func (a *API) wallets(r *http.Request, user uuid.UUID) (answer, error) {
	wallets, err := a.Ledger.Wallets(r.Context(), user)
	return whole(wallets), err
}

func (a *API) createWallet(r *http.Request, user uuid.UUID) (answer, error) {
	n, err := body[ledger.NewWallet](r)
	if err != nil {
		return answer{}, err
	}
	wallet, err := a.Ledger.CreateWallet(r.Context(), user, n)
	return made(wallet), err
}

func (a *API) categories(r *http.Request, user uuid.UUID) (answer, error) {
	categories, err := a.Ledger.Categories(r.Context(), user)
	return whole(categories), err
}

func (a *API) createCategory(r *http.Request, user uuid.UUID) (answer, error) {
	n, err := body[ledger.NewCategory](r)
	if err != nil {
		return answer{}, err
	}
	category, err := a.Ledger.CreateCategory(r.Context(), user, n)
	return made(category), err
}

func (a *API) budgets(r *http.Request, user uuid.UUID) (answer, error) {
	budgets, err := a.Budgets.List(r.Context(), user)
	return whole(budgets), err
}

func (a *API) createBudget(r *http.Request, user uuid.UUID) (answer, error) {
	n, err := body[budget.New](r)
	if err != nil {
		return answer{}, err
	}
	b, err := a.Budgets.Create(r.Context(), user, n)
	return made(b), err
}

func (a *API) updateBudget(r *http.Request, user uuid.UUID) (answer, error) {
	id, err := idOf(r)
	if err != nil {
		return answer{}, err
	}
	change, err := body[budget.Change](r)
	if err != nil {
		return answer{}, err
	}
	b, err := a.Budgets.Update(r.Context(), user, id, change)
	return found(b), err
}

func (a *API) deleteBudget(r *http.Request, user uuid.UUID) (answer, error) {
	id, err := idOf(r)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, a.Budgets.Delete(r.Context(), user, id)
}

func (a *API) transactions(r *http.Request, user uuid.UUID) (answer, error) {
	p, err := pageOf(r)
	if err != nil {
		return answer{}, err
	}
	list, err := a.Ledger.Transactions(r.Context(), user, p)
	return found(list), err
}

func (a *API) transaction(r *http.Request, user uuid.UUID) (answer, error) {
	id, err := idOf(r)
	if err != nil {
		return answer{}, err
	}
	t, err := a.Ledger.Get(r.Context(), user, id)
	return found(t), err
}

func (a *API) postTransaction(r *http.Request, user uuid.UUID) (answer, error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return answer{}, err
	}
	n, err := body[ledger.NewTransaction](r)
	if err != nil {
		return answer{}, err
	}
	t, isNew, err := a.Ledger.Post(r.Context(), user, key, n)
	if isNew {
		return made(t), err
	}
	return found(t), err
}

func (a *API) updateTransaction(r *http.Request, user uuid.UUID) (answer, error) {
	id, err := idOf(r)
	if err != nil {
		return answer{}, err
	}
	edit, err := body[ledger.Edit](r)
	if err != nil {
		return answer{}, err
	}
	t, err := a.Ledger.Update(r.Context(), user, id, edit)
	return found(t), err
}

func (a *API) insights(r *http.Request, user uuid.UUID) (answer, error) {
	p, err := pageOf(r)
	if err != nil {
		return answer{}, err
	}
	list, err := a.Insights.List(r.Context(), user, p)
	return found(list), err
}

func (a *API) alerts(r *http.Request, user uuid.UUID) (answer, error) {
	p, err := pageOf(r)
	if err != nil {
		return answer{}, err
	}
	list, err := a.Alerts.List(r.Context(), user, p)
	return found(list), err
}
