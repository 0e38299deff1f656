package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wealth-companion/companion/rehearsal/process"
)

// Sweep ends and removes all that a cluster leaves on a machine: processes,
// containers, mounts, namespaces, links, control groups, routes, the nftables
// table, and the cluster's files. It works from what is on disk and in the
// kernel, so it needs no running daemon and can be repeated after a failure.
func Sweep(ctx context.Context, stateDir string, network Network, processes *process.Manager) error {
	if stateDir == "" || stateDir == "/" {
		return errNoStateDir
	}
	if err := stopNodePrograms(processes); err != nil {
		return err
	}
	if err := sweepNode(filepath.Join(stateDir, "cluster", "nodes"), cgroupRoot); err != nil {
		return err
	}
	for _, name := range []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		// The API server waits for its watchers and takes its time.
		if err := processes.Stop(name, 20*time.Second); err != nil {
			return err
		}
	}
	if err := network.Down(ctx); err != nil {
		return err
	}
	for _, dir := range []string{"cluster", "volumes"} {
		if err := os.RemoveAll(filepath.Join(stateDir, dir)); err != nil {
			return fmt.Errorf("remove the cluster's files: %w", err)
		}
	}
	sweepHost(stateDir)
	return nil
}

// sweepHost removes what kubelets leave where no setting can move it: links to
// containers' logs, and the socket for device plugins. Folders that hold
// anything else stay.
func sweepHost(stateDir string) {
	links, _ := filepath.Glob("/var/log/containers/*.log")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, stateDir+"/") {
			_ = os.Remove(link)
		}
	}
	for _, left := range []string{
		"/var/lib/kubelet/device-plugins/kubelet.sock", "/var/lib/kubelet/device-plugins",
		"/var/lib/kubelet", "/var/log/containers", "/run/containerd/s", "/run/containerd",
	} {
		_ = os.Remove(left) // a folder that is not empty is not removed
	}
}

func stopNodePrograms(processes *process.Manager) error {
	states, err := processes.List()
	if err != nil {
		return err
	}
	for _, program := range []string{"kubelet-", "kube-proxy-", "containerd-"} {
		for _, state := range states {
			if !strings.HasPrefix(state.Name, program) {
				continue
			}
			if err := processes.Stop(state.Name, 10*time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepNode ends the containers of the control group, then the shims that held
// them, and unmounts and removes the folder.
func sweepNode(dir, group string) error {
	sockets := shimSockets(dir)
	if err := killAll(10*time.Second, func() ([]int, error) {
		pids, err := cgroupPIDs(group)
		if err != nil {
			return nil, err
		}
		shims, err := processesNaming(dir + "/")
		return append(pids, shims...), err
	}); err != nil {
		return err
	}
	if err := unmountBelow(dir); err != nil {
		return err
	}
	for _, socket := range sockets {
		_ = os.Remove(socket) // an orderly shim removed it itself
	}
	if err := removeCgroup(group); err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	return os.RemoveAll(dir)
}

func cgroupPIDs(group string) ([]int, error) {
	texts, err := cgroupProcesses(group)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, text := range texts {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// processesNaming finds the processes that have the folder among their
// arguments: the container shims, which no record of ours names.
func processesNaming(dir string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err == nil && bytes.Contains(line, []byte("containerd-shim")) && bytes.Contains(line, []byte(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// killAll kills until nothing is found any more.
func killAll(limit time.Duration, find func() ([]int, error)) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		pids, err := find()
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v do not end, not even when killed", pids)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// shimSockets reads where the shims of the node listen: outside the node's
// folder, under names that only containerd's own records tell.
func shimSockets(dir string) []string {
	var sockets []string
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if entry.Name() == "rootfs" || entry.Name() == "root" {
			return fs.SkipDir
		}
		if entry.Name() != "address" {
			return nil
		}
		raw, err := os.ReadFile(path)
		if socket, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), "unix://"); err == nil && ok {
			sockets = append(sockets, socket, socket+".lock")
		}
		return nil
	})
	return sockets
}

// unmountBelow unmounts all that is mounted in the folder, the deepest first.
func unmountBelow(dir string) error {
	mounts, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	slices.Reverse(mounts)
	for _, mount := range mounts {
		if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("unmount %s: %w", mount, err)
		}
	}
	return nil
}

func mountsBelow(dir string) ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var mounts []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		// Spaces and the like are written as octal escapes.
		place := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[4])
		if strings.HasPrefix(place, dir+"/") {
			mounts = append(mounts, place)
		}
	}
	return mounts, lines.Err()
}
