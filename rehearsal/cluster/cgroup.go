package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroupMount is where Linux shows its control groups.
const cgroupMount = "/sys/fs/cgroup"

// hierarchies returns the roots in which a cgroup has to be made: the one
// unified root of version 2, or each controller's own of version 1.
func hierarchies() ([]string, error) {
	if unified() {
		return []string{cgroupMount}, nil
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil, fmt.Errorf("control groups: %w", err)
	}
	var roots []string
	for _, entry := range entries {
		root := filepath.Join(cgroupMount, entry.Name())
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil {
			roots = append(roots, root)
		}
	}
	return roots, nil
}

func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers"))
	return err == nil
}

// makeCgroup makes the group (a path like /rehearsal/node-1) in every
// hierarchy, so that a kubelet can put its pods under it.
func makeCgroup(group string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dir := root
		for part := range strings.SplitSeq(strings.Trim(group, "/"), "/") {
			parent := dir
			dir = filepath.Join(dir, part)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("control group: %w", err)
			}
			if unified() {
				// Children get only the controllers that their parent hands on.
				if err := handOnControllers(parent); err != nil {
					return err
				}
				continue
			}
			// A new cpuset is empty, and nothing can run in an empty one.
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				if err := inherit(parent, dir, file); err != nil {
					return err
				}
			}
		}
		if unified() {
			if err := handOnControllers(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// podsWeigh is how many times the processor time of a single process of the machine's own the pods
// of all nodes get together when both want all of it. The kernel weighs a group as a whole against
// each process outside of it: at the weight of one, a compiler with four processes leaves all pods a
// fifth, and probes fail that no node of a real cluster would fail. More than this would starve
// the kubelets and the API server, which are outside.
const podsWeigh = 4

// weighCgroup gives the group that weight in the hierarchies of the processor.
func weighCgroup(group string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		// The weight of one process is 1024 shares in version 1, and 100 in version 2.
		for file, weight := range map[string]int{"cpu.shares": podsWeigh * 1024, "cpu.weight": podsWeigh * 100} {
			file = filepath.Join(root, group, file)
			if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
				continue // another controller's
			}
			if err := os.WriteFile(file, []byte(strconv.Itoa(weight)), 0o644); err != nil {
				return fmt.Errorf("control group: %w", err)
			}
		}
	}
	return nil
}

func handOnControllers(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	var wanted []string
	for controller := range strings.FieldsSeq(string(raw)) {
		wanted = append(wanted, "+"+controller)
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(strings.Join(wanted, " ")), 0o644)
}

func inherit(parent, dir, file string) error {
	raw, err := os.ReadFile(filepath.Join(parent, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not the cpuset hierarchy
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), raw, 0o644)
}

// cgroupProcesses lists the processes in the group and below it.
func cgroupProcesses(group string) ([]string, error) {
	var pids []string
	err := walkGroup(group, func(dir string) error {
		raw, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return nil // gone since
		}
		pids = append(pids, strings.Fields(string(raw))...)
		return nil
	})
	return pids, err
}

// removeCgroup removes the group and those below it, the deepest first.
func removeCgroup(group string) error {
	var errs []error
	err := walkGroup(group, func(dir string) error {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// walkGroup visits the group in every hierarchy, children before parents.
func walkGroup(group string, visit func(dir string) error) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		var dirs []string
		err := filepath.WalkDir(filepath.Join(root, group), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return err
		})
		if err != nil {
			return err
		}
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := visit(dirs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
