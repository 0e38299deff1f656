package web

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

func (s *Server) dashboard(w http.ResponseWriter, r *http.Request, v *visit) error {
	var answer *backend.DashboardResponse
	var categories map[string]string
	both, ctx := errgroup.WithContext(r.Context())
	both.Go(func() (err error) {
		answer, err = backend.Read(s.API.DashboardWithResponse(ctx))
		return err
	})
	both.Go(func() (err error) {
		categories, err = s.categoryNames(ctx)
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	d := answer.JSON200
	if len(d.Wallets) == 0 {
		s.redirect(w, r, "/welcome")
		return nil
	}
	p := v.page(r, "overview", v.locale.Text.Overview)
	p.Category, p.Unread, p.Stale = categories, d.UnreadAlerts, staleSince(answer.HTTPResponse)
	return show(w, r, http.StatusOK, view.Dashboard(p, d))
}

// staleSince is when an answer was true that the API gave from its cache; nil: it is true now.
func staleSince(answer *http.Response) *time.Time {
	at, err := time.Parse(time.RFC3339, answer.Header.Get("X-Data-As-Of"))
	if err != nil {
		return nil
	}
	return &at
}

// categoryNames are the names of all categories by slug, of archived ones too.
func (s *Server) categoryNames(ctx context.Context) (map[string]string, error) {
	archived := true
	answer, err := backend.Read(s.API.ListCategoriesWithResponse(ctx, &backend.ListCategoriesParams{Archived: &archived}))
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, c := range answer.JSON200.Items {
		names[c.Slug] = c.Name
	}
	return names, nil
}

// bell is the count of unread alerts alone, for a page that is open.
func (s *Server) bell(w http.ResponseWriter, r *http.Request, v *visit) error {
	answer, err := backend.Read(s.API.CountUnreadAlertsWithResponse(r.Context()))
	if err != nil {
		return err
	}
	p := v.page(r, "", "")
	p.Unread = answer.JSON200.Unread
	return show(w, r, http.StatusOK, view.Bell(p))
}
