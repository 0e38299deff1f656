package doapi

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// tokenLife is how long credentials of a cluster are valid, unless one asks for less.
const tokenLife = 7 * 24 * time.Hour

// accessToken is a bearer token of a cluster's administrator.
type accessToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// expiry is when credentials that are requested now expire: after expiry_seconds, or
// after usual.
func (s *Server) expiry(r *http.Request, usual time.Duration) (time.Time, error) {
	given := r.URL.Query().Get("expiry_seconds")
	life := usual
	if given != "" && given != "0" {
		seconds, err := strconv.Atoi(given)
		if err != nil || seconds < 0 {
			return time.Time{}, failf(http.StatusBadRequest, "expiry_seconds must be a number of seconds, not %q", given)
		}
		life = time.Duration(seconds) * time.Second
	}
	return s.clock().UTC().Truncate(time.Second).Add(life), nil
}

// issueToken makes a token of the cluster's, and forgets those that have expired.
func (s *Server) issueToken(record *clusterRecord, r *http.Request) (accessToken, error) {
	until, err := s.expiry(r, tokenLife)
	if err != nil {
		return accessToken{}, err
	}
	made := accessToken{Token: "dop_v1_" + rand.Text() + rand.Text(), ExpiresAt: until}
	record.Tokens = append(slices.DeleteFunc(record.Tokens, s.expired), made)
	return made, nil
}

func (s *Server) expired(t accessToken) bool { return !s.clock().Before(t.ExpiresAt) }

// TokenReview is the webhook by which clusters' API servers have tokens checked: one
// that has expired is rejected, so that its bearer gets 401.
func (s *Server) TokenReview() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review authenticationv1.TokenReview
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit)).Decode(&review); err != nil {
			http.Error(w, "the body is no TokenReview: "+err.Error(), http.StatusBadRequest)
			return
		}
		review.Status = s.review(review.Spec.Token)
		review.Spec = authenticationv1.TokenReviewSpec{}
		writeJSON(w, http.StatusOK, review)
	})
}

func (s *Server) review(token string) authenticationv1.TokenReviewStatus {
	for _, record := range s.current().Clusters {
		for _, issued := range record.Tokens {
			if issued.Token != token {
				continue
			}
			if s.expired(issued) {
				return authenticationv1.TokenReviewStatus{Error: "the token has expired"}
			}
			return authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{
				Username: "doks-admin", UID: "doks-admin", Groups: []string{"system:masters"},
			}}
		}
	}
	return authenticationv1.TokenReviewStatus{Error: "the token is unknown"}
}
