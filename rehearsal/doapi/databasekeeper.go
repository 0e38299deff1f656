package doapi

import (
	"context"
	"sync"
	"time"
)

// databaseKeeper has the backend make of the databases what the state says, one after the
// other.
type databaseKeeper struct {
	server  *Server
	backend DatabaseBackend // nil: databases stay as they are
	ctx     context.Context
	cancel  context.CancelFunc
	kick    chan struct{}
	done    sync.WaitGroup

	applied map[string]int64 // by id: the generation that the backend has made in this process
}

func newDatabaseKeeper(s *Server) *databaseKeeper {
	ctx, cancel := context.WithCancel(context.Background())
	backend, _ := s.backend.(DatabaseBackend)
	k := &databaseKeeper{server: s, backend: backend, ctx: ctx, cancel: cancel, kick: make(chan struct{}, 1), applied: map[string]int64{}}
	k.done.Go(k.run)
	return k
}

// wake has the keeper look again.
func (k *databaseKeeper) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *databaseKeeper) close() {
	k.cancel()
	k.done.Wait()
}

func (k *databaseKeeper) run() {
	failures := 0
	for {
		var again <-chan time.Time
		if err := k.pass(); err != nil {
			failures++
			k.server.log.Error("database not as asked for", "failures", failures, "error", err)
			again = time.After(k.server.pause(failures))
		} else {
			failures = 0
		}
		select {
		case <-k.ctx.Done():
			return
		case <-k.kick:
		case <-again:
		}
	}
}

// pass does what every database needs; the error is the first one's that failed.
func (k *databaseKeeper) pass() error {
	current := k.server.current()
	var failed error
	for _, d := range current.Databases {
		if k.ctx.Err() != nil {
			return nil
		}
		if err := k.step(current, d); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

func (k *databaseKeeper) step(current *state, d *database) error {
	switch {
	case d.Deleting:
		if k.backend != nil {
			if err := k.backend.DeleteDatabase(d.ID); err != nil {
				return err
			}
		}
		delete(k.applied, d.ID)
		return k.server.edit(func(next *state) error { next.removeDatabase(d.ID); return nil })
	case k.backend == nil || k.applied[d.ID] == d.Generation:
		return nil
	}
	access, err := k.backend.ApplyDatabase(current.databaseSpec(d))
	if err != nil {
		return err
	}
	k.applied[d.ID] = d.Generation
	return k.server.edit(func(next *state) error {
		found, err := next.database(d.ID)
		if err != nil {
			return nil // it is to go by now
		}
		found.Access = &access
		if found.Generation == d.Generation {
			found.Status = databaseOnline
		}
		return nil
	})
}
