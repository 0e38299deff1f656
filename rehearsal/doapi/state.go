package doapi

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
)

// state is all that the API knows, as it lies on disk.
type state struct {
	Account       account               `json:"account"`
	VPCs          []*vpc                `json:"vpcs"`
	Clusters      []*clusterRecord      `json:"clusters"`
	Domains       []*domain             `json:"domains"`
	Registries    []*registry           `json:"registries"`
	Subscription  *subscription         `json:"subscription,omitempty"`
	Repositories  map[string][]string   `json:"repositories,omitempty"` // by registry
	ImageTags     map[string][]imageTag `json:"image_tags,omitempty"`   // by registry/repository
	PullTokens    []registryToken       `json:"registry_tokens,omitempty"`
	Projects      []*project            `json:"projects"`
	Assignments   map[string]assignment `json:"assignments"` // by the resource's URN
	LoadBalancers []*loadBalancer       `json:"load_balancers"`
	Tags          []string              `json:"tags"`
	Databases     []*database           `json:"databases,omitempty"`

	LastDroplet int `json:"last_droplet"`
	LastRecord  int `json:"last_record"`
}

// newState is a new account: it has a project, and nothing in it.
func newState() *state {
	s := &state{
		Account: account{
			DropletLimit: 25, FloatingIPLimit: 5, ReservedIPLimit: 5, VolumeLimit: 100,
			Email: "rehearsal@example.com", Name: "Rehearsal", UUID: uuid.NewString(),
			EmailVerified: true, Status: "active", Team: team{Name: "Rehearsal", UUID: uuid.NewString()},
		},
		Assignments: map[string]assignment{},
		LastDroplet: 400000000, LastRecord: 1700000000,
	}
	s.Projects = append(s.Projects, s.newProject(projectRequest{
		Name: "first-project", Description: "Update your project information under Settings",
		Purpose: "Web Application", Environment: "Development",
	}))
	s.Projects[0].Default = true
	return s
}

func (s *state) clone() (*state, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	next := &state{}
	if err := json.Unmarshal(text, next); err != nil {
		return nil, err
	}
	if next.Assignments == nil {
		next.Assignments = map[string]assignment{}
	}
	return next, nil
}

// store keeps the state in a file that is whole at every moment.
type store struct{ path string }

func (f store) load() (*state, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return newState(), nil
	}
	if err != nil {
		return nil, err
	}
	loaded := newState()
	if err := json.Unmarshal(text, loaded); err != nil {
		return nil, fmt.Errorf("%s is damaged (remove it to start with an empty account): %w", f.path, err)
	}
	return loaded, nil
}

func (f store) save(s *state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	// The file holds clusters' tokens: nobody else may read it.
	next, err := os.CreateTemp(filepath.Dir(f.path), "state-*.json")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }()
	_, err = next.Write(text)
	if err == nil {
		err = next.Sync()
	}
	if err := errors.Join(err, next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), f.path)
}

// now is the time as the API writes it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// suffix is the random end of a node's name.
func suffix() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, 5)
	for i := range text {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err) // the system has no randomness: nothing can go on
		}
		text[i] = letters[n.Int64()]
	}
	return string(text)
}

// find returns the element that is so.
func find[T any](all []T, is func(T) bool) (T, error) {
	if at := slices.IndexFunc(all, is); at >= 0 {
		return all[at], nil
	}
	var none T
	return none, missing()
}
