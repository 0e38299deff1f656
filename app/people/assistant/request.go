package assistant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Request is what an assistant asks a person for, as it stands in the address of the page on
// which they decide (OAuth 2.1, 4.1.1).
type Request struct {
	ResponseType        string `json:"responseType" maxLength:"100" doc:"code"`
	ClientID            string `json:"clientId" maxLength:"100"`
	RedirectURI         string `json:"redirectUri" maxLength:"500" doc:"One that the assistant registered"`
	CodeChallenge       string `json:"codeChallenge" maxLength:"200"`
	CodeChallengeMethod string `json:"codeChallengeMethod" maxLength:"100" doc:"S256"`
	ResponseMode        string `json:"responseMode,omitempty" maxLength:"100" doc:"query, or empty"`
	Scope               string `json:"scope,omitempty" maxLength:"200" doc:"read, or read and write; empty: read"`
	State               string `json:"state,omitempty" maxLength:"1000" doc:"Handed back as it is"`
	Resource            string `json:"resource,omitempty" maxLength:"500" doc:"The MCP server's address, or empty"`
}

// Question is a request that can be put to the person.
type Question struct {
	Name       string   `json:"name" doc:"What the assistant calls itself, which nobody has checked; may be empty"`
	Host       string   `json:"host" doc:"Where the answer goes"`
	ThisDevice bool     `json:"thisDevice" doc:"true: the answer goes to a program on the person's own computer"`
	Scope      []string `json:"scope" doc:"What it wants to do: read, and perhaps write"`

	scope  oauth.Scope
	client Client
}

// Ask checks what an assistant asks for. What is wrong is said to the person, who is not led
// anywhere: whoever may register could otherwise lead people from here to any place.
func (a *Assistants) Ask(ctx context.Context, r Request) (Question, error) {
	if err := a.ready(); err != nil {
		return Question{}, err
	}
	client, err := a.Client(ctx, r.ClientID)
	if errors.Is(err, ErrClient) {
		return Question{}, apperror.Invalid{Field: "clientId", Reason: err.Error()}
	}
	if err != nil {
		return Question{}, err
	}
	scope, wrongScope := oauth.ParseScope(r.Scope)
	for _, check := range []struct {
		right         bool
		field, reason string
	}{
		{client.redirect(r.RedirectURI), "redirectUri", "is none that the assistant has registered"},
		{r.ResponseType == "code", "responseType", "must be code"},
		{r.ResponseMode == "" || r.ResponseMode == "query", "responseMode", "must be query"},
		{r.CodeChallengeMethod == oauth.S256, "codeChallengeMethod", "must be S256"},
		{oauth.ValidChallenge(r.CodeChallenge), "codeChallenge", "must be a SHA-256 in base64url"},
		{r.Resource == "" || r.Resource == a.Resource(), "resource", "must be " + a.Resource()},
		{!strings.ContainsFunc(r.State, func(c rune) bool { return c < ' ' || c > '~' }), "state", "must be printable ASCII"},
		{wrongScope == nil, "scope", "must be of read and write"},
	} {
		if !check.right {
			return Question{}, apperror.Invalid{Field: check.field, Reason: check.reason}
		}
	}
	return Question{client.Name, oauth.Host(r.RedirectURI), oauth.OnThisDevice(r.RedirectURI), scope.Words(), scope, client}, nil
}

// Decision is what the person says to a request.
type Decision struct {
	Allow bool   `json:"allow"`
	Scope string `json:"scope,omitempty" maxLength:"200" doc:"What of that which was asked for is allowed; empty: read"`
}

// codeLife is how long an assistant has to come with its code.
const codeLife = time.Minute

// Decide returns where the person's browser takes the answer to.
func (a *Assistants) Decide(ctx context.Context, c account.Caller, r Request, d Decision) (string, error) {
	q, err := a.Ask(ctx, r)
	if err != nil {
		return "", err
	}
	answer := url.Values{"iss": {a.Issuer}} // RFC 9207: of several servers, which one answers
	if r.State != "" {
		answer.Set("state", r.State)
	}
	if !d.Allow {
		answer.Set("error", "access_denied")
		return oauth.Answer(r.RedirectURI, answer)
	}
	allowed, err := oauth.ParseScope(d.Scope)
	if err != nil || !allowed.Within(q.scope) {
		return "", apperror.Invalid{Field: "scope", Reason: "must be of what the assistant asked for"}
	}
	code := newCode(c.User)
	answer.Set("code", code)
	at := db.Now()
	if err := db.AsUser(ctx, a.Pool, c.User, func(tx pgx.Tx) error {
		queries := backenddb.New(tx)
		if n, err := queries.CountAssistants(ctx, c.User, at); err != nil {
			return err
		} else if n >= most {
			return apperror.Say(apperror.ErrConflict, "you have let %d assistants in: remove one in the settings first", n)
		}
		return errors.Join(
			queries.KeepOAuthClient(ctx, at.Add(unusedLife), q.client.ID),
			queries.InsertOAuthCode(ctx, backenddb.InsertOAuthCodeParams{
				Hash: hash(code), UserID: c.User, SessionID: c.Session, ClientID: q.client.ID, RedirectUri: r.RedirectURI,
				Challenge: r.CodeChallenge, Scope: string(allowed), ExpiresAt: at.Add(codeLife),
			}),
		)
	}); err != nil {
		return "", err
	}
	return oauth.Answer(r.RedirectURI, answer)
}

// newCode makes a code. It names its user, so that it is looked for among that user's only.
func newCode(user uuid.UUID) string { return hex.EncodeToString(user[:]) + "." + rand.Text() }

func userOfCode(code string) (uuid.UUID, error) {
	its, _, _ := strings.Cut(code, ".")
	return uuid.Parse(its)
}

func hash(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}
