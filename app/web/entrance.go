package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/mail"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/session"
	"github.com/wealth-companion/companion/app/web/view"
	"github.com/wealth-companion/companion/app/web/words"
)

func (s *Server) landing(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.session != nil {
		s.redirect(w, r, "/dashboard")
		return nil
	}
	return show(w, r, http.StatusOK, view.Landing(v.page(r, "", v.locale.Text.Tagline)))
}

// minPassword is what the API asks for.
const minPassword = 10

func (s *Server) showSignUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	return show(w, r, http.StatusOK, view.SignUp(v.page(r, "signup", v.locale.Text.SignUp), view.Form{}))
}

func (s *Server) signUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "name", "email", "zone")
	if err != nil {
		return err
	}
	text, password := v.locale.Text, r.PostFormValue("password")
	checkEmail(f, text)
	if utf8.RuneCountInString(password) < minPassword {
		f.Wrong["password"] = text.TooShort
	}
	again := func(status int) error {
		return show(w, r, status, view.SignUp(v.page(r, "signup", text.SignUp), f))
	}
	if f.Failed() {
		return again(http.StatusUnprocessableEntity)
	}
	answer, err := backend.Read(s.API.RegisterWithResponse(r.Context(), backend.RegisterJSONRequestBody{
		Email: f.Values["email"], Password: password, Name: optional(f.Values["name"]),
	}))
	switch backend.Status(err) {
	case 0:
	case http.StatusConflict:
		f.Wrong["email"] = text.AddressTaken
		return again(http.StatusConflict)
	default:
		if s.refused(&f, v, err, map[string]string{}) {
			return again(backend.Status(err))
		}
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, v, answer.JSON201, f.Values["zone"], "/welcome")
}

func (s *Server) showLogIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := view.Form{Values: map[string]string{"next": local(r.URL.Query().Get("next"))}}
	p := v.page(r, "login", v.locale.Text.LogIn)
	switch {
	case v.session != nil:
		s.redirect(w, r, "/dashboard")
		return nil
	case r.URL.Query().Has("ended"):
		p.Notice = v.locale.Text.LogInAgain
	case r.URL.Query().Has("out"):
		p.Notice = v.locale.Text.LoggedOut
	case r.URL.Query().Has("deleted"):
		p.Notice = v.locale.Text.AccountDeleted
	}
	return show(w, r, http.StatusOK, view.LogIn(p, f))
}

func (s *Server) logIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "email", "next")
	if err != nil {
		return err
	}
	text, password := v.locale.Text, r.PostFormValue("password")
	f.Values["next"] = local(f.Values["next"])
	checkEmail(f, text)
	if password == "" {
		f.Wrong["password"] = text.Required
	}
	again := func(status int) error {
		return show(w, r, status, view.LogIn(v.page(r, "login", text.LogIn), f))
	}
	if f.Failed() {
		return again(http.StatusUnprocessableEntity)
	}
	body := backend.LoginJSONRequestBody{Email: f.Values["email"], Password: password, DeviceToken: optional(s.Sessions.Device(r))}
	answer, err := backend.Read(s.API.LoginWithResponse(r.Context(), &backend.LoginParams{}, body))
	switch status := backend.Status(err); {
	case status == http.StatusUnauthorized:
		f.Problem = text.WrongPassword
		return again(http.StatusUnauthorized)
	case err != nil && s.refused(&f, v, err, nil):
		return again(status)
	case err != nil:
		return err
	}
	next := f.Values["next"]
	if next == "/" {
		next = "/dashboard"
	}
	return s.enter(w, r, v, answer.JSON200, "", next)
}

// enter begins a session in place of whichever there was, so that nobody goes on in a session
// that somebody else knows of. zone, if given, becomes the person's time zone.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, v *visit, its *backend.Session, zone, next string) error {
	if v.session != nil {
		s.end(r.Context(), v.session)
	}
	v.session = sessionOf(its)
	v.caller.Token = v.session.Access
	ctx := backend.As(r.Context(), v.caller)
	if _, err := calendar.Zone(zone); err == nil {
		s.setZone(ctx, zone)
	}
	v.session.Zone = s.zoneOf(ctx, "UTC")
	if its.DeviceToken != nil {
		s.Sessions.WriteDevice(w, *its.DeviceToken)
	}
	if err := s.Sessions.Write(w, *v.session); err != nil {
		return err
	}
	s.redirect(w, r, next)
	return nil
}

func sessionOf(its *backend.Session) *session.Session {
	found := &session.Session{Access: its.Token, AccessEnds: its.ExpiresAt, RefreshEnds: its.RefreshExpiresAt, Name: its.User.Name, Zone: "UTC"}
	if its.RefreshToken != nil {
		found.Refresh = *its.RefreshToken
	}
	return found
}

// zoneOf is the caller's time zone; while it cannot be read, the one before.
func (s *Server) zoneOf(ctx context.Context, before string) string {
	answer, err := backend.Read(s.API.GetPreferencesWithResponse(ctx))
	if err != nil {
		s.Log.WarnContext(ctx, "the time zone cannot be read", "error", err)
		return before
	}
	return answer.JSON200.Timezone
}

// setZone makes a zone that exists the caller's. What fails here can be set later.
func (s *Server) setZone(ctx context.Context, zone string) {
	answer, err := backend.Read(s.API.GetPreferencesWithResponse(ctx))
	if err == nil && answer.JSON200.Timezone != zone {
		p := answer.JSON200
		settings := backend.Settings{
			Digest: backend.SettingsDigest(p.Digest), Phrasing: p.Phrasing, QuietFrom: p.QuietFrom, QuietUntil: p.QuietUntil, Timezone: zone,
			Channels: []backend.SettingsChannels{}, MutedTypes: []backend.SettingsMutedTypes{},
		}
		for _, one := range p.Channels {
			settings.Channels = append(settings.Channels, backend.SettingsChannels(one))
		}
		for _, one := range p.MutedTypes {
			settings.MutedTypes = append(settings.MutedTypes, backend.SettingsMutedTypes(one))
		}
		_, err = backend.Read(s.API.PutPreferencesWithResponse(ctx, &backend.PutPreferencesParams{}, settings))
	}
	if err != nil {
		s.Log.WarnContext(ctx, "the time zone cannot be set", "error", err)
	}
}

func (s *Server) showForgot(w http.ResponseWriter, r *http.Request, v *visit) error {
	return show(w, r, http.StatusOK, view.Forgot(v.page(r, "login", v.locale.Text.ForgotTitle), view.Form{}, false))
}

// forgot has a link mailed that sets another password. What it says is the same whether or not
// the address has an account.
func (s *Server) forgot(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "email")
	if err != nil {
		return err
	}
	p := v.page(r, "login", v.locale.Text.ForgotTitle)
	if checkEmail(f, v.locale.Text); f.Failed() {
		return show(w, r, http.StatusUnprocessableEntity, view.Forgot(p, f, false))
	}
	_, err = backend.Read(s.API.RequestResetWithResponse(r.Context(), backend.RequestResetJSONRequestBody{Email: f.Values["email"]}))
	switch status := backend.Status(err); {
	case status == http.StatusNotFound:
		f.Problem = v.locale.Text.NoMail
		return show(w, r, status, view.Forgot(p, f, false))
	case err != nil && s.refused(&f, v, err, nil):
		return show(w, r, status, view.Forgot(p, f, false))
	case err != nil:
		return err
	}
	return show(w, r, http.StatusOK, view.Forgot(p, f, true))
}

func (s *Server) logOut(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.session != nil {
		s.end(r.Context(), v.session)
	}
	s.Sessions.Clear(w)
	s.redirect(w, r, "/login?out")
	return nil
}

// end ends a session in the API. The browser forgets it in any case.
func (s *Server) end(ctx context.Context, its *session.Session) {
	_, err := backend.Read(s.API.LogoutWithResponse(ctx, &backend.LogoutParams{}, backend.LogoutJSONRequestBody{RefreshToken: &its.Refresh}))
	if err != nil {
		s.Log.WarnContext(ctx, "a session cannot be ended", "error", err)
	}
}

// renewal is how long before its end an access token is replaced. While the API is away, the
// token that there is goes on for so long.
const renewal = 5 * time.Minute

// person serves a page that is somebody's own.
func (s *Server) person(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		if v.session == nil {
			return errLoggedOut
		}
		if time.Until(v.session.AccessEnds) < renewal {
			if err := s.refresh(w, r, v); err != nil {
				return err
			}
		}
		return next(w, r.WithContext(backend.As(r.Context(), v.caller)), v)
	}
}

// refresh replaces the tokens of a session. Requests that a browser sends at once share one
// refresh; those that reach other replicas get the same tokens, for the API repeats its answer
// to the same client within half a minute.
func (s *Server) refresh(w http.ResponseWriter, r *http.Request, v *visit) error {
	sum := sha256.Sum256([]byte(v.session.Refresh + "\n" + v.caller.Address + "\n" + v.caller.Agent))
	found, err, _ := s.refreshes.Do(string(sum[:]), func() (any, error) {
		// A browser that goes away must not keep the others from it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
		defer cancel()
		params := &backend.RefreshParams{UnderscoreUnderscoreSecureDevice: optional(s.Sessions.Device(r))}
		answer, err := backend.Read(s.API.RefreshWithResponse(ctx, params, backend.RefreshJSONRequestBody{RefreshToken: &v.session.Refresh}))
		if err != nil {
			return nil, err
		}
		renewed := sessionOf(answer.JSON200)
		caller := v.caller
		caller.Token = renewed.Access
		renewed.Zone = s.zoneOf(backend.As(ctx, caller), v.session.Zone)
		return renewed, nil
	})
	if err != nil {
		if errors.Is(err, backend.ErrUnavailable) && time.Now().Before(v.session.AccessEnds) {
			return nil // it is good for a while yet
		}
		return err
	}
	renewed := *found.(*session.Session)
	v.session, v.caller.Token = &renewed, renewed.Access
	return s.Sessions.Write(w, renewed)
}

func (s *Server) chooseLanguage(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "language", "next")
	if err != nil {
		return err
	}
	if l := words.ByTag(f.Values["language"]); l != nil {
		http.SetCookie(w, &http.Cookie{Name: words.Cookie, Value: l.Tag, Path: "/", MaxAge: 400 * 24 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	s.redirect(w, r, local(f.Values["next"]))
	return nil
}

// currencies that are offered first, as most people have them.
var commonCurrencies = []string{"EUR", "USD", "GBP", "CHF"}

func (s *Server) currencies(ctx context.Context) ([]string, error) {
	answer, err := backend.Read(s.API.ListCurrenciesWithResponse(ctx))
	if err != nil {
		return nil, err
	}
	all := slices.Clone(commonCurrencies)
	for _, c := range answer.JSON200.Items {
		if !slices.Contains(all, c.Code) {
			all = append(all, c.Code)
		}
	}
	return all, nil
}

func (s *Server) showWelcome(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := view.Form{Values: map[string]string{"currency": "EUR", "type": "checking"}, Key: newKey()}
	if v.session.Zone != "UTC" {
		f.Values["zone"] = v.session.Zone
	}
	return s.askWelcome(w, r, v, http.StatusOK, f)
}

func (s *Server) askWelcome(w http.ResponseWriter, r *http.Request, v *visit, status int, f view.Form) error {
	currencies, err := s.currencies(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, status, view.Welcome(v.page(r, "overview", v.locale.Text.WelcomeTitle("")), v.session.Name, f, currencies))
}

func (s *Server) welcome(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "name", "type", "currency", "opening", "zone", "key")
	if err != nil {
		return err
	}
	body, ok := walletOf(&f, v.locale)
	if _, err := calendar.Zone(f.Values["zone"]); err != nil {
		f.Wrong["zone"], ok = v.locale.Text.BadZone, false
	}
	if !ok {
		return s.askWelcome(w, r, v, http.StatusUnprocessableEntity, f)
	}
	s.setZone(r.Context(), f.Values["zone"])
	_, err = backend.Read(s.API.CreateWalletWithResponse(r.Context(), &backend.CreateWalletParams{IdempotencyKey: key(f)}, body))
	if err != nil {
		if s.refused(&f, v, err, map[string]string{"openingBalance": "opening"}) {
			return s.askWelcome(w, r, v, backend.Status(err), f)
		}
		return err
	}
	return s.toDashboard(w, r, v, f.Values["zone"])
}

func (s *Server) fillDemo(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "key", "zone")
	if err != nil {
		return err
	}
	zone := v.session.Zone
	if _, err := calendar.Zone(f.Values["zone"]); err == nil {
		s.setZone(r.Context(), f.Values["zone"])
		zone = f.Values["zone"]
	}
	_, err = backend.Read(s.API.FillDemoWithResponse(r.Context(), &backend.FillDemoParams{IdempotencyKey: key(f)}))
	if backend.Status(err) == http.StatusConflict {
		err = nil // it is there, or the account is not empty: the dashboard shows what there is
	}
	if err != nil {
		return err
	}
	return s.toDashboard(w, r, v, zone)
}

// toDashboard leads there, with the time zone that was set.
func (s *Server) toDashboard(w http.ResponseWriter, r *http.Request, v *visit, zone string) error {
	v.session.Zone = zone
	if err := s.Sessions.Write(w, *v.session); err != nil {
		return err
	}
	s.redirect(w, r, "/dashboard")
	return nil
}

// walletOf reads a wallet out of a form.
func walletOf(f *view.Form, l *words.Locale) (backend.CreateWalletJSONRequestBody, bool) {
	body := backend.CreateWalletJSONRequestBody{
		Name: f.Values["name"], Type: backend.NewWalletType(f.Values["type"]), Currency: f.Values["currency"],
	}
	if body.Name == "" {
		f.Wrong["name"] = l.Text.Required
	}
	if f.Values["opening"] != "" {
		amount, err := l.Parse(f.Values["opening"])
		if err != nil {
			f.Wrong["opening"] = l.Text.BadAmount
		}
		body.OpeningBalance = &amount
	}
	return body, !f.Failed()
}

// key is a form's Idempotency-Key; nil: it has none that can be one.
func key(f view.Form) *uuid.UUID {
	id, err := uuid.Parse(f.Values["key"])
	if err != nil {
		return nil
	}
	return &id
}

func checkEmail(f view.Form, text words.Text) {
	if address, err := mail.ParseAddress(f.Values["email"]); err != nil || address.Address != f.Values["email"] {
		f.Wrong["email"] = text.BadEmail
	}
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
