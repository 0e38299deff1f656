package web

import (
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

func (s *Server) settings(w http.ResponseWriter, r *http.Request, v *visit) error {
	text, notice := v.locale.Text, ""
	for name, said := range map[string]string{"saved": text.SettingsSaved, "password": text.PasswordChanged, "mailed": text.LinkMailed, "example": text.DemoRemoved, "assistant": text.AssistantRemoved} {
		if r.URL.Query().Has(name) {
			notice = said
		}
	}
	return s.showSettings(w, r, v, http.StatusOK, notice, "", view.Form{})
}

// showSettings shows all settings as they are, but for those of the form that was sent and could
// not be carried out.
func (s *Server) showSettings(w http.ResponseWriter, r *http.Request, v *visit, status int, notice, sent string, f view.Form) error {
	me, err := backend.Read(s.API.MeWithResponse(r.Context()))
	if err != nil {
		return err
	}
	wants, err := backend.Read(s.API.GetPreferencesWithResponse(r.Context()))
	if err != nil {
		return err
	}
	example, err := backend.Read(s.API.GetDemoWithResponse(r.Context()))
	if err != nil {
		return err
	}
	assistants, err := backend.Read(s.API.ListAssistantsWithResponse(r.Context()))
	if err != nil {
		return err
	}
	p := v.page(r, "settings", v.locale.Text.Settings)
	p.Here, p.Notice = "/settings", notice
	if p.Unread, err = s.unread(r.Context()); err != nil {
		return err
	}
	forms := view.SettingsForms{
		Name:     view.Form{Values: map[string]string{"name": me.JSON200.Name, "etag": me.HTTPResponse.Header.Get("ETag")}},
		Told:     view.Form{Values: told(wants.JSON200, wants.HTTPResponse.Header.Get("ETag"))},
		Password: view.Form{Values: map[string]string{}},
		Delete:   view.Form{Values: map[string]string{}},
	}
	switch sent {
	case "name":
		forms.Name = f
	case "told":
		forms.Told = f
	case "password":
		forms.Password = f
	case "delete":
		forms.Delete = f
	}
	return show(w, r, status, view.SettingsPage(p, *me.JSON200, example.JSON200.Present, assistants.JSON200.Items, forms))
}

// told are the preferences as the fields of their form.
func told(p *backend.Preferences, etag string) map[string]string {
	values := map[string]string{"digest": string(p.Digest), "zone": p.Timezone, "etag": etag}
	if slices.Contains(p.Channels, backend.PreferencesChannelsEmail) {
		values["email"] = "yes"
	}
	if p.QuietFrom != nil && p.QuietUntil != nil {
		values["quietFrom"], values["quietUntil"] = *p.QuietFrom, *p.QuietUntil
	}
	for _, kind := range view.InsightKinds {
		if !slices.Contains(p.MutedTypes, backend.PreferencesMutedTypes(kind)) {
			values[kind] = "yes"
		}
	}
	return values
}

func (s *Server) editName(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "name", "etag")
	if err != nil {
		return err
	}
	name := f.Values["name"]
	answer, err := backend.Read(s.API.EditMeWithResponse(r.Context(), &backend.EditMeParams{IfMatch: optional(f.Values["etag"])}, backend.EditMeJSONRequestBody{Name: &name}))
	if err != nil {
		return s.settingRefused(w, r, v, err, "name", f)
	}
	v.session.Name = answer.JSON200.Name
	return s.savedSettings(w, r, v, "saved")
}

// savedSettings leads back to the settings; what the session knows of them is kept with it.
func (s *Server) savedSettings(w http.ResponseWriter, r *http.Request, v *visit, what string) error {
	if err := s.Sessions.Write(w, *v.session); err != nil {
		return err
	}
	s.redirect(w, r, "/settings?"+what)
	return nil
}

// settingRefused shows what the API refused of a form.
func (s *Server) settingRefused(w http.ResponseWriter, r *http.Request, v *visit, err error, sent string, f view.Form) error {
	status := backend.Status(err)
	if status == http.StatusPreconditionFailed {
		return s.showSettings(w, r, v, status, v.locale.Text.ChangedMeanwhile, "", view.Form{})
	}
	if s.refused(&f, v, err, map[string]string{"timezone": "zone"}) {
		return s.showSettings(w, r, v, status, "", sent, f)
	}
	return err
}

func (s *Server) editTold(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, append([]string{"email", "digest", "quietFrom", "quietUntil", "zone", "etag"}, view.InsightKinds...)...)
	if err != nil {
		return err
	}
	text := v.locale.Text
	if _, err := calendar.Zone(f.Values["zone"]); err != nil {
		f.Wrong["zone"] = text.BadZone
	}
	if (f.Values["quietFrom"] == "") != (f.Values["quietUntil"] == "") {
		f.Wrong["quietUntil"] = text.BothTimes
	}
	if f.Failed() {
		return s.showSettings(w, r, v, http.StatusUnprocessableEntity, "", "told", f)
	}
	wants, err := s.wanted(r.Context(), f)
	if err != nil {
		return err
	}
	_, err = backend.Read(s.API.PutPreferencesWithResponse(r.Context(), &backend.PutPreferencesParams{IfMatch: optional(f.Values["etag"])}, wants))
	if err != nil {
		return s.settingRefused(w, r, v, err, "told", f)
	}
	v.session.Zone = f.Values["zone"]
	return s.savedSettings(w, r, v, "saved")
}

// wanted are the preferences that a form asks for. What it does not have stays as it is.
func (s *Server) wanted(ctx context.Context, f view.Form) (backend.Settings, error) {
	answer, err := backend.Read(s.API.GetPreferencesWithResponse(ctx))
	if err != nil {
		return backend.Settings{}, err
	}
	before := answer.JSON200
	wants := backend.Settings{
		Timezone: f.Values["zone"], Digest: backend.SettingsDigest(f.Values["digest"]), Phrasing: before.Phrasing,
		Channels: []backend.SettingsChannels{}, MutedTypes: []backend.SettingsMutedTypes{},
		QuietFrom: optional(f.Values["quietFrom"]), QuietUntil: optional(f.Values["quietUntil"]),
	}
	for _, channel := range before.Channels {
		if channel != backend.PreferencesChannelsEmail {
			wants.Channels = append(wants.Channels, backend.SettingsChannels(channel))
		}
	}
	if f.Values["email"] != "" {
		wants.Channels = append(wants.Channels, backend.SettingsChannelsEmail)
	}
	for _, kind := range view.InsightKinds {
		if f.Values[kind] == "" {
			wants.MutedTypes = append(wants.MutedTypes, backend.SettingsMutedTypes(kind))
		}
	}
	return wants, nil
}

func (s *Server) editPassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r)
	if err != nil {
		return err
	}
	before, after := r.PostFormValue("old"), r.PostFormValue("new")
	if len([]rune(after)) < minPassword {
		f.Wrong["new"] = v.locale.Text.TooShort
		return s.showSettings(w, r, v, http.StatusUnprocessableEntity, "", "password", f)
	}
	_, err = backend.Read(s.API.ChangePasswordWithResponse(r.Context(), backend.ChangePasswordJSONRequestBody{OldPassword: optional(before), NewPassword: after}))
	if err != nil {
		return s.passwordRefused(w, r, v, err, "password", "old", f)
	}
	s.redirect(w, r, "/settings?password")
	return nil
}

// passwordRefused says beside a field that the password is not right.
func (s *Server) passwordRefused(w http.ResponseWriter, r *http.Request, v *visit, err error, sent, field string, f view.Form) error {
	if status := backend.Status(err); status == http.StatusForbidden || status == http.StatusUnprocessableEntity {
		f.Wrong[field] = v.locale.Text.PasswordWrong
		return s.showSettings(w, r, v, status, "", sent, f)
	}
	return s.settingRefused(w, r, v, err, sent, f)
}

// mailConfirmation has another link to confirm the address mailed.
func (s *Server) mailConfirmation(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, err := backend.Read(s.API.RequestConfirmationWithResponse(r.Context()))
	switch {
	case backend.Status(err) == http.StatusNotFound:
		return s.showSettings(w, r, v, http.StatusNotFound, v.locale.Text.NoMail, "", view.Form{})
	case err != nil:
		return err
	}
	s.redirect(w, r, "/settings?mailed")
	return nil
}

// export hands a person everything that is kept of them, as it comes. It breaks off when the API
// does, so that half of it does not look like all of it.
func (s *Server) export(w http.ResponseWriter, r *http.Request, _ *visit) error {
	answer, err := backend.Stream(s.API.ExportAccount(r.Context())) //nolint:bodyclose // Stream closes what it refuses
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	for _, name := range []string{"Content-Type", "Content-Disposition"} {
		w.Header().Set(name, answer.Header.Get(name))
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// removeDemo takes the example data out. What is gone already, by another window, is gone.
func (s *Server) removeDemo(w http.ResponseWriter, r *http.Request, _ *visit) error {
	if _, err := backend.Read(s.API.RemoveDemoWithResponse(r.Context())); err != nil && backend.Status(err) != http.StatusNotFound {
		return err
	}
	s.redirect(w, r, "/settings?example")
	return nil
}

func (s *Server) logOutAll(w http.ResponseWriter, r *http.Request, _ *visit) error {
	if _, err := backend.Read(s.API.LogoutAllWithResponse(r.Context())); err != nil {
		return err
	}
	s.Sessions.Clear(w)
	s.redirect(w, r, "/login?out")
	return nil
}

func (s *Server) deleteAccount(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r)
	if err != nil {
		return err
	}
	_, err = backend.Read(s.API.DeleteAccountWithResponse(r.Context(), backend.DeleteAccountJSONRequestBody{Password: optional(r.PostFormValue("password"))}))
	if err != nil {
		return s.passwordRefused(w, r, v, err, "delete", "password", f)
	}
	s.Sessions.Clear(w)
	s.redirect(w, r, "/login?deleted")
	return nil
}
