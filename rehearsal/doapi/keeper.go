package doapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

// attempts is how often in a row a backend may fail before the cluster is shown
// to have failed. It is tried on even then, but not so often.
const attempts = 3

// keepers hold one goroutine for each cluster, which has the backend make of it
// what the state says.
type keepers struct {
	server *Server
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu        sync.Mutex
	byCluster map[string]*keeper
}

func newKeepers(s *Server) *keepers {
	ctx, cancel := context.WithCancel(context.Background())
	return &keepers{
		server: s, ctx: ctx, cancel: cancel, byCluster: map[string]*keeper{},
	}
}

// wake starts the keepers that are missing and has the others look again.
func (k *keepers) wake() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctx.Err() != nil {
		return
	}
	for _, record := range k.server.current().Clusters {
		id := record.Cluster.ID
		kept, ok := k.byCluster[id]
		if !ok {
			kept = &keeper{keepers: k, id: id, kick: make(chan struct{}, 1)}
			k.byCluster[id] = kept
			k.all.Go(kept.run)
		}
		if record.Deleting {
			kept.interrupt()
		}
		if record.Generation == kept.announced && !record.Deleting {
			continue
		}
		kept.announced = record.Generation
		select {
		case kept.kick <- struct{}{}:
		default:
		}
	}
}

func (k *keepers) close() {
	k.mu.Lock()
	k.cancel()
	k.mu.Unlock()
	k.all.Wait()
}

// keeper carries out one cluster's changes, one after the other.
type keeper struct {
	*keepers
	id        string
	kick      chan struct{}
	announced int64 // the generation that it was last woken for

	booted  bool      // in this process
	applied int64     // the generation that the backend has made
	looked  time.Time // when the autoscaler last looked

	opMu   sync.Mutex
	cancel context.CancelFunc // of the call to the backend that runs
	doomed bool               // the cluster is to go: nothing else matters
}

func (k *keeper) run() {
	failures := 0
	for k.ctx.Err() == nil {
		done, idle, err := k.step()
		switch {
		case done:
			return
		case err != nil && !k.isDoomed():
			failures++
			k.report(failures, err)
			k.wait(k.server.pause(failures))
		case err != nil:
			failures++
			k.server.log.Error("cluster not removed", "cluster", k.id, "error", err)
			k.wait(k.server.pause(failures))
		case idle:
			failures = 0
			k.wait(k.rest())
		default:
			failures = 0
		}
	}
}

// rest is how long an idle keeper may wait: for ever, where no pool is autoscaled.
func (k *keeper) rest() time.Duration {
	current := k.server.current()
	record, err := current.cluster(k.id)
	if err != nil || !current.spec(record).autoscaled() {
		return 0
	}
	return max(time.Until(k.looked.Add(k.server.interval)), time.Millisecond)
}

// wait pauses until something changes, or, if it is not 0, for that long.
func (k *keeper) wait(pause time.Duration) {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-k.ctx.Done():
	case <-k.kick:
	case <-over:
	}
}

// step does the next thing that the cluster needs. It is done when the cluster
// is gone, and idle when nothing is to do.
func (k *keeper) step() (done, idle bool, err error) {
	current := k.server.current()
	record, err := current.cluster(k.id)
	if err != nil {
		return true, false, nil
	}
	spec := current.spec(record)
	ctx, end := k.begin(record.Deleting)
	defer end()
	switch {
	case record.Deleting:
		if err := k.server.backend.Delete(ctx, spec); err != nil {
			return false, false, err
		}
		if err := k.server.edit(func(next *state) error {
			next.removeCluster(k.id)
			return nil
		}); err != nil {
			return false, false, err
		}
		k.forget()
		return true, false, nil
	case !k.booted:
		credentials, err := k.server.backend.Create(ctx, spec, k.nodeChanged)
		if err != nil {
			return false, false, k.unlessDoomed(err)
		}
		k.booted, k.applied = true, record.Generation
		return false, false, k.settle(record, spec, &credentials)
	case k.applied != record.Generation:
		if err := k.server.backend.Update(ctx, spec, k.nodeChanged); err != nil {
			return false, false, k.unlessDoomed(err)
		}
		k.applied = record.Generation
		return false, false, k.settle(record, spec, nil)
	case spec.autoscaled() && time.Since(k.looked) >= k.server.interval:
		// The cluster is as asked for: a look that failed is no fault of it.
		if err := k.autoscale(ctx, spec); err != nil && ctx.Err() == nil {
			k.server.log.Warn("pools are not autoscaled", "cluster", k.id, "error", err)
		}
		k.looked = time.Now()
		return false, false, nil
	default:
		return false, true, nil
	}
}

// begin returns the context for a call to the backend: interrupt ends it,
// unless the call is the one that removes the cluster.
func (k *keeper) begin(deleting bool) (context.Context, func()) {
	ctx, cancel := context.WithCancel(k.ctx)
	k.opMu.Lock()
	defer k.opMu.Unlock()
	if deleting {
		k.doomed = true
		return ctx, cancel
	}
	if k.doomed {
		cancel()
	}
	k.cancel = cancel
	return ctx, func() {
		k.opMu.Lock()
		k.cancel = nil
		k.opMu.Unlock()
		cancel()
	}
}

// interrupt ends what runs for a cluster that is to be removed.
func (k *keeper) interrupt() {
	k.opMu.Lock()
	defer k.opMu.Unlock()
	k.doomed = true
	if k.cancel != nil {
		k.cancel()
	}
}

func (k *keeper) isDoomed() bool {
	k.opMu.Lock()
	defer k.opMu.Unlock()
	return k.doomed
}

// unlessDoomed drops the error of a call that was interrupted.
func (k *keeper) unlessDoomed(err error) error {
	if k.isDoomed() {
		return nil
	}
	return err
}

func (k *keeper) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byCluster, k.id)
}

// nodeChanged records a node's state as the backend reports it.
func (k *keeper) nodeChanged(status NodeStatus) {
	err := k.server.edit(func(next *state) error {
		record, err := next.cluster(k.id)
		if err != nil {
			return nil // gone in the meantime
		}
		again := record.Access != nil && !k.booted
		for _, p := range record.Cluster.Pools {
			for _, n := range p.Nodes {
				if n.Name == status.Node && n.Status.State != NodeDeleting {
					n.show(status.State, status.Message, again)
				}
			}
		}
		return nil
	})
	if err != nil {
		k.server.log.Error("node's state not kept", "node", status.Node, "error", err)
	}
}

// settle records that the backend has made what the record asked for.
func (k *keeper) settle(made *clusterRecord, spec ClusterSpec, credentials *Credentials) error {
	return k.server.edit(func(next *state) error {
		record, err := next.cluster(k.id)
		if err != nil {
			return nil // gone in the meantime
		}
		c := &record.Cluster
		again := credentials != nil && record.Access != nil
		if credentials != nil {
			record.Access = credentials
			c.Endpoint, c.IPv4 = credentials.Server, ""
			if !c.HA {
				c.IPv4 = hostOf(credentials.Server)
			}
		}
		// Clients that wait for the status see no later change: what was running already
		// was changed when it was asked for.
		if !again && c.Status.State != clusterRunning {
			c.UpdatedAt = now()
		}
		c.Status = clusterStatus{State: clusterRunning}
		removed := made.RemovedPools
		c.Pools = slices.DeleteFunc(c.Pools, func(p *pool) bool { return slices.Contains(removed, p.ID) })
		record.RemovedPools = slices.DeleteFunc(record.RemovedPools, func(id string) bool { return slices.Contains(removed, id) })
		running, known := map[string]bool{}, map[string]bool{}
		for _, p := range spec.Pools {
			for _, n := range p.Nodes {
				running[n.ID] = true
			}
		}
		for _, p := range made.Cluster.Pools {
			for _, n := range p.Nodes {
				known[n.ID] = true
			}
		}
		for _, p := range c.Pools {
			// What was to go when the backend was called is gone; what became so
			// since is the next call's.
			p.Nodes = slices.DeleteFunc(p.Nodes, func(n *node) bool { return known[n.ID] && !running[n.ID] })
			for _, n := range p.Nodes {
				if running[n.ID] && n.Status.State != NodeDeleting {
					n.show(NodeRunning, "", again)
				}
			}
		}
		return nil
	})
}

// report shows a failure to whoever looks at the cluster.
func (k *keeper) report(failures int, failed error) {
	if k.ctx.Err() != nil {
		return // the server is closing; the next one goes on
	}
	k.server.log.Error("cluster not as asked for", "cluster", k.id, "failures", failures, "error", failed)
	err := k.server.edit(func(next *state) error {
		record, err := next.cluster(k.id)
		if err != nil {
			return nil
		}
		record.Cluster.Status.Message = failed.Error()
		if failures >= attempts {
			record.Cluster.Status.State = clusterError
			if record.Access != nil {
				record.Cluster.Status.State = clusterDegraded
			}
		}
		return nil
	})
	if err != nil {
		k.server.log.Error("cluster's state not kept", "cluster", k.id, "error", err)
	}
}

// removeCluster forgets a cluster that is gone.
func (s *state) removeCluster(id string) {
	s.Clusters = slices.DeleteFunc(s.Clusters, func(r *clusterRecord) bool {
		if r.Cluster.ID != id {
			return false
		}
		delete(s.Assignments, r.Cluster.urn())
		return true
	})
}
