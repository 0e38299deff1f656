package strimzi

import (
	"context"
	"fmt"

	strimziv1 "github.com/scholzj/strimzi-go/pkg/apis/core.strimzi.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// podSets makes the pods that a StrimziPodSet writes out, and removes those that
// it no longer does. It never replaces a pod for being old: when to roll is the
// Kafka reconciler's decision.
type podSets struct {
	client client.Client
}

func (r *podSets) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var set strimziv1.StrimziPodSet
	if err := r.client.Get(ctx, request.NamespacedName, &set); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if set.DeletionTimestamp != nil || set.Spec == nil || set.Spec.Selector == nil {
		return ctrl.Result{}, nil
	}
	wanted, err := podsOf(&set)
	if err != nil {
		return ctrl.Result{}, err
	}
	var present corev1.PodList
	selector := client.MatchingLabels{labelController: "strimzipodset", labelControllerName: set.Name}
	if err := r.client.List(ctx, &present, client.InNamespace(set.Namespace), selector); err != nil {
		return ctrl.Result{}, fmt.Errorf("list pods: %w", err)
	}
	found := map[string]*corev1.Pod{}
	for i := range present.Items {
		found[present.Items[i].Name] = &present.Items[i]
	}
	status := strimziv1.StrimziPodSetStatus{ObservedGeneration: set.Generation, Pods: int32(len(wanted))}
	for _, pod := range wanted {
		old := found[pod.Name]
		delete(found, pod.Name)
		if err := r.ensure(ctx, &set, pod, old); err != nil {
			return ctrl.Result{}, err
		}
		if old == nil || old.DeletionTimestamp != nil {
			continue
		}
		if ready(old) {
			status.ReadyPods++
		}
		if old.Annotations[annotationRevision] == pod.Annotations[annotationRevision] {
			status.CurrentPods++
		}
	}
	for _, pod := range found {
		if pod.DeletionTimestamp != nil {
			continue
		}
		log.FromContext(ctx).Info("removing a pod that the pod set no longer has", "pod", pod.Name)
		if err := r.client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, fmt.Errorf("delete pod %s: %w", pod.Name, err)
		}
	}
	if set.Status != nil && equality.Semantic.DeepEqual(*set.Status, status) {
		return ctrl.Result{}, nil
	}
	set.Status = &status
	if err := r.client.Status().Update(ctx, &set); err != nil && !apierrors.IsConflict(err) {
		return ctrl.Result{}, fmt.Errorf("status of StrimziPodSet %s: %w", set.Name, err)
	}
	return ctrl.Result{}, nil
}

func (r *podSets) ensure(ctx context.Context, set *strimziv1.StrimziPodSet, pod, old *corev1.Pod) error {
	if old != nil {
		// A pod that was evicted, or whose node was drained, never runs again.
		over := old.Status.Phase == corev1.PodFailed || old.Status.Phase == corev1.PodSucceeded
		if !over || old.DeletionTimestamp != nil {
			return nil
		}
		log.FromContext(ctx).Info("removing a pod that ended", "pod", old.Name, "phase", old.Status.Phase)
		if err := r.client.Delete(ctx, old, client.Preconditions{UID: &old.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete pod %s: %w", old.Name, err)
		}
		return nil
	}
	pod.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "core.strimzi.io/v1", Kind: "StrimziPodSet", Name: set.Name, UID: set.UID,
		Controller: ptr(true), BlockOwnerDeletion: ptr(false),
	}}
	// The cache may not show the pod yet; it is there all the same.
	if err := r.client.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create pod %s: %w", pod.Name, err)
	}
	return nil
}

func podsOf(set *strimziv1.StrimziPodSet) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	for _, object := range set.Spec.Pods {
		pod := &corev1.Pod{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, pod); err != nil {
			return nil, fmt.Errorf("StrimziPodSet %s: %w", set.Name, err)
		}
		pods = append(pods, pod)
	}
	return pods, nil
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
