package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/retry"
)

// The keys under which the official plugin keeps its own notes in a state, so
// that a stack can change plugins.
const (
	inputsKey       = "__inputs"
	fieldManagerKey = "__fieldManager"
	apiVersionKey   = "__initialApiVersion"
)

const managedBy = "app.kubernetes.io/managed-by"

// Check completes the inputs of an object: its name when the program gave
// none, its namespace, and every value as the API server would write it.
func (p *Provider) Check(ctx context.Context, req sdk.CheckRequest) (sdk.CheckResponse, error) {
	if p.cluster == nil && p.settings.skipUpdateUnreachable && len(req.Olds) > 0 {
		p.host.Log(ctx, diag.Warning, req.URN, "the cluster is unreachable; the object is left as it is")
		return sdk.CheckResponse{Properties: req.Olds}, nil
	}
	if isRelease(req.URN) {
		return p.checkRelease(ctx, req)
	}
	gvk, err := kindOf(req.URN)
	if err != nil {
		return sdk.CheckResponse{}, err
	}
	object := normalize(&unstructured.Unstructured{Object: plainMap(req.News)})
	if isPatch(req.URN, object.GetKind()) {
		if !isNamed(object.Object) {
			return failed("metadata", "a patch must name the object it changes in metadata.name"), nil
		}
		gvk.Kind = strings.TrimSuffix(gvk.Kind, "Patch")
	}
	if object.GetGenerateName() != "" && !isNamed(object.Object) {
		return failed("metadata", "metadata.generateName cannot be applied on the server; leave the name out to have one made"), nil
	}
	if err := name(req, object); err != nil {
		return failed("metadata", err.Error()), nil
	}
	if p.cluster != nil && object.GetNamespace() == "" && !unknownAt(object.Object, "metadata", "namespace") {
		inNamespace, err := p.cluster.namespaced(gvk)
		if err != nil {
			return sdk.CheckResponse{}, fmt.Errorf("asking the API server about %s: %w", gvk.Kind, err)
		}
		if inNamespace {
			setMetadata(object.Object, "namespace", p.namespace)
		}
	}
	inputs := propertyMap(object.Object)
	keepSecrets(inputs, req.News)
	return sdk.CheckResponse{Properties: inputs}, nil
}

func failed(property resource.PropertyKey, reason string) sdk.CheckResponse {
	return sdk.CheckResponse{Failures: []sdk.CheckFailure{{Property: property, Reason: reason}}}
}

// Diff compares what the program wants with what the last read of the object
// showed of the fields that the program had written. What controllers wrote
// beside them is no difference, what they changed of them is.
func (p *Provider) Diff(_ context.Context, req sdk.DiffRequest) (sdk.DiffResponse, error) {
	if isRelease(req.URN) {
		return diffRelease(req)
	}
	oldInputs, live := split(req.OldOutputs, req.OldInputs)
	wanted := normalize(&unstructured.Unstructured{Object: plainMap(req.NewInputs)})
	actual := &unstructured.Unstructured{Object: prune(live.Object, normalize(oldInputs).Object)}
	// The kind names itself in every object, but not in every old state.
	for _, field := range []string{"apiVersion", "kind"} {
		if actual.Object[field] == nil {
			actual.Object[field] = wanted.Object[field]
		}
	}
	if wanted.GetName() != "" {
		setMetadata(actual.Object, "name", live.GetName())
	}

	gvk, err := objectKind(req.URN, wanted)
	if err != nil {
		return sdk.DiffResponse{}, err
	}
	inNamespace := live.GetNamespace() != ""
	if p.cluster != nil {
		if inNamespace, err = p.cluster.namespaced(gvk); err != nil {
			return sdk.DiffResponse{}, fmt.Errorf("asking the API server about %s: %w", gvk.Kind, err)
		}
	}
	for _, object := range []map[string]any{actual.Object, wanted.Object} {
		switch {
		case !inNamespace:
			removeMetadata(object, "namespace")
		case (&unstructured.Unstructured{Object: object}).GetNamespace() == "" && !unknownAt(object, "metadata", "namespace"):
			setMetadata(object, "namespace", defaultNamespace)
		}
	}

	immutable := identity
	if !isPatch(req.URN, wanted.GetKind()) {
		immutable = p.immutableFields(wanted)
	}
	diff, err := result(compare(nil, actual.Object, wanted.Object), immutable, req.IgnoreChanges)
	if err != nil {
		return sdk.DiffResponse{}, err
	}
	// Two objects of one name cannot exist at a time.
	diff.DeleteBeforeReplace = len(diff.ReplaceKeys) > 0 && !autonamed(wanted) &&
		wanted.GetName() == live.GetName() &&
		namespaceOf(wanted) == namespaceOf(live)
	return diff, nil
}

// Create makes the object and waits until it is ready. Preview asks the API
// server what it would make, when it can know.
func (p *Provider) Create(ctx context.Context, req sdk.CreateRequest) (sdk.CreateResponse, error) {
	if isRelease(req.URN) {
		return p.createRelease(ctx, req)
	}
	object := &unstructured.Unstructured{Object: plainMap(req.Properties)}
	gvk, err := objectKind(req.URN, object)
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	object.SetGroupVersionKind(gvk)
	patch := isPatch(req.URN, object.GetKind())

	if req.Preview && (p.cluster == nil || patch || hasUnknown(object.Object) || !p.cluster.exists(gvk)) {
		return sdk.CreateResponse{Properties: req.Properties}, nil
	}
	c, err := p.need()
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()

	manager := fieldManager(nil, object)
	live, err := p.makeObject(call, c, req, object, manager)
	if err != nil && req.Preview && unknowable(err) {
		return sdk.CreateResponse{Properties: req.Properties}, nil
	}
	if err != nil {
		return sdk.CreateResponse{}, explain("create", object, err)
	}
	if req.Preview {
		// What an empty status becomes is not known, and a program that reads
		// it must be told so.
		delete(live.Object, "status")
		return sdk.CreateResponse{Properties: state(object, live, req.Properties, manager)}, nil
	}
	if isDefinition(object) {
		c.forget()
	}

	id := joinID(live.GetNamespace(), live.GetName())
	live, err = p.await(ctx, c, req.URN, live, nil, req.Timeout)
	outputs := state(object, live, req.Properties, manager)
	if err != nil {
		return sdk.CreateResponse{}, notReady(id, live, outputs, nil, err)
	}
	return sdk.CreateResponse{ID: id, Properties: outputs}, nil
}

// makeObject creates the object. Other resources may still be
// creating its namespace or its kind, so it retries for some time.
func (p *Provider) makeObject(
	ctx context.Context, c *cluster, req sdk.CreateRequest, object *unstructured.Unstructured, manager string,
) (*unstructured.Unstructured, error) {
	options := metav1.CreateOptions{FieldManager: createManager}
	if req.Preview {
		options.DryRun = []string{metav1.DryRunAll}
	}
	delay := p.awaits.retry
	for attempt := 1; ; attempt++ {
		live, err := func() (*unstructured.Unstructured, error) {
			client, err := c.client(object.GroupVersionKind(), object.GetNamespace())
			if err != nil {
				return nil, err
			}
			body := p.scoped(c, object)
			if p.settings.upsert || isPatch(req.URN, object.GetKind()) {
				return p.apply(ctx, client, body, manager, force(p.settings, body, req.Preview), req.Preview)
			}
			return client.Create(ctx, body, options)
		}()
		early := apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
		if err == nil || !early || req.Preview || attempt == 6 {
			return live, err
		}
		p.host.LogStatus(ctx, diag.Info, req.URN, "trying again: "+err.Error())
		select {
		case <-time.After(delay):
			delay *= 2
		case <-ctx.Done():
			return nil, err
		}
	}
}

// scoped is the object without the namespace that its kind, known by now, does
// not have.
func (p *Provider) scoped(c *cluster, object *unstructured.Unstructured) *unstructured.Unstructured {
	body := object.DeepCopy()
	if inNamespace, err := c.namespaced(object.GroupVersionKind()); err == nil && !inNamespace {
		removeMetadata(body.Object, "namespace")
	}
	return body
}

// unknowable are the answers to a dry run that say nothing about the real
// thing: its namespace is still to come, its predecessor still to go, or this
// user may only look.
func unknowable(err error) bool {
	return apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) ||
		meta.IsNoMatchError(err) || strings.Contains(err.Error(), "does not support dry run")
}

// Read looks the object up. Its inputs become what is there of them, which is
// how a refresh notices what others changed.
func (p *Provider) Read(ctx context.Context, req sdk.ReadRequest) (sdk.ReadResponse, error) {
	if p.cluster == nil && p.settings.deleteUnreachable {
		p.host.Log(ctx, diag.Warning, req.URN, "the cluster is unreachable; the resource is forgotten, as deleteUnreachable asks")
		return sdk.ReadResponse{}, nil
	}
	if p.cluster == nil && p.settings.skipUpdateUnreachable {
		return sdk.ReadResponse{ReadResult: sdk.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: req.State}}, nil
	}
	c, err := p.need()
	if err != nil {
		return sdk.ReadResponse{}, fmt.Errorf("%w; when the cluster is gone for good, "+
			"PULUMI_K8S_DELETE_UNREACHABLE=true removes its resources from the state", err)
	}
	if isRelease(req.URN) {
		return p.readRelease(ctx, c, req)
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()

	known := &unstructured.Unstructured{Object: plainMap(req.Inputs)}
	_, before := split(req.State, nil)
	adopted := len(req.Inputs) == 0 // by import, or by a program's Get function
	gvk := known.GroupVersionKind()
	if gvk.Kind == "" {
		gvk = before.GroupVersionKind()
	}
	if gvk.Kind == "" {
		if gvk, err = kindOf(req.URN); err != nil {
			return sdk.ReadResponse{}, err
		}
	}
	namespace, objectName := splitID(req.ID)
	client, err := c.client(gvk, namespace)
	if meta.IsNoMatchError(err) {
		return sdk.ReadResponse{}, nil
	}
	if err != nil {
		return sdk.ReadResponse{}, fmt.Errorf("reading %s %s: %w", gvk.Kind, req.ID, err)
	}
	live, err := client.Get(call, objectName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return sdk.ReadResponse{}, nil
	}
	if err != nil {
		return sdk.ReadResponse{}, fmt.Errorf("reading %s %s: %w", gvk.Kind, req.ID, err)
	}

	inputs := &unstructured.Unstructured{Object: prune(live.Object, normalize(known).Object)}
	if adopted {
		inputs = adopt(live)
	}
	manager := fieldManager(req.State, known)
	outputs := state(inputs, live, req.Inputs, manager)
	inputMap := propertyMap(inputs.Object)
	keepSecrets(inputMap, req.Inputs)
	if !adopted {
		if err := p.look(call, c, known, live); err != nil {
			return sdk.ReadResponse{}, notReady(req.ID, live, outputs, inputMap, err)
		}
	}
	return sdk.ReadResponse{ReadResult: sdk.ReadResult{ID: req.ID, Inputs: inputMap, Outputs: outputs}}, nil
}

// adopt takes for inputs all of an object that its owner could have written.
func adopt(live *unstructured.Unstructured) *unstructured.Unstructured {
	inputs := &unstructured.Unstructured{Object: copyMap(live.Object)}
	delete(inputs.Object, "status")
	for _, field := range serverOnly {
		removeMetadata(inputs.Object, field)
	}
	annotations := inputs.GetAnnotations()
	delete(annotations, "deployment.kubernetes.io/revision")
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	if len(annotations) == 0 {
		annotations = nil
	}
	inputs.SetAnnotations(annotations)
	return inputs
}

// Update applies the object and waits until it is ready again.
func (p *Provider) Update(ctx context.Context, req sdk.UpdateRequest) (sdk.UpdateResponse, error) {
	if isRelease(req.URN) {
		return p.updateRelease(ctx, req)
	}
	object := normalize(&unstructured.Unstructured{Object: plainMap(req.NewInputs)})
	gvk, err := objectKind(req.URN, object)
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	object.SetGroupVersionKind(gvk)
	if req.Preview && (p.cluster == nil || hasUnknown(object.Object) || !p.cluster.exists(gvk)) {
		return sdk.UpdateResponse{Properties: req.NewInputs}, nil
	}
	c, err := p.need()
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()

	_, old := split(req.OldOutputs, nil)
	manager := fieldManager(req.OldOutputs, object)
	var before, live *unstructured.Unstructured
	// Controllers write to the same object; what was read may be old by then.
	err = retry.OnError(retry.DefaultBackoff, modified, func() error {
		before, live, err = p.changeObject(call, c, req, object, old, manager)
		return err
	})
	if err != nil && req.Preview && apierrors.IsForbidden(err) {
		return sdk.UpdateResponse{Properties: req.NewInputs}, nil
	}
	if err != nil {
		return sdk.UpdateResponse{}, explain("update", object, err)
	}
	if req.Preview {
		return sdk.UpdateResponse{Properties: state(object, live, req.NewInputs, manager)}, nil
	}
	if isDefinition(object) {
		c.forget()
	}
	live, err = p.await(ctx, c, req.URN, live, before, req.Timeout)
	outputs := state(object, live, req.NewInputs, manager)
	if err != nil {
		return sdk.UpdateResponse{}, notReady(req.ID, live, outputs, nil, err)
	}
	return sdk.UpdateResponse{Properties: outputs}, nil
}

// modified tells an object that changed since it was read, which passes, from a
// conflict between field managers, which does not.
func modified(err error) bool {
	return apierrors.IsConflict(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
}

// changeObject applies the object over the live one and returns both: what was
// there, and what is there now.
func (p *Provider) changeObject(
	ctx context.Context, c *cluster, req sdk.UpdateRequest, object, old *unstructured.Unstructured, manager string,
) (before, after *unstructured.Unstructured, err error) {
	namespace := object.GetNamespace()
	if old.GetName() != "" {
		namespace = old.GetNamespace()
		setMetadata(object.Object, "name", old.GetName())
	}
	client, err := c.client(object.GroupVersionKind(), namespace)
	if err != nil {
		return nil, nil, err
	}
	before, err = client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, nil, err
	}
	body := p.scoped(c, object)

	if isDefinition(object) {
		// A definition is put in place whole: versions that are gone from it
		// must go, no matter which manager wrote them.
		body.SetResourceVersion(before.GetResourceVersion())
		options := metav1.UpdateOptions{FieldManager: manager}
		if req.Preview {
			options.DryRun = []string{metav1.DryRunAll}
		}
		after, err = client.Update(ctx, body, options)
		return before, after, err
	}

	forced := force(p.settings, body, false)
	patch := isPatch(req.URN, object.GetKind())
	if !patch {
		switch {
		case req.Preview:
			// The fields that creation wrote are ours to take over, which only
			// the real update does.
			forced = forced || ownedByCreation(before)
		default:
			if before, err = takeOver(ctx, client, before, manager); err != nil {
				return nil, nil, fmt.Errorf("taking over the fields written at creation: %w", err)
			}
		}
	}
	if err := leaveIgnored(body, before, manager, req.IgnoreChanges); err != nil {
		return nil, nil, err
	}
	after, err = p.apply(ctx, client, body, manager, forced, req.Preview)
	if err != nil || req.Preview || patch {
		return before, after, err
	}
	// The program may name another field manager than it did before; the old
	// one must not keep fields alive that are gone from the program.
	if last := fieldManager(req.OldOutputs, &unstructured.Unstructured{}); last != manager && owns(after, last) {
		if _, err := p.apply(ctx, client, bare(after), last, false, false); err != nil {
			return nil, nil, fmt.Errorf("giving up the fields of %s: %w", last, err)
		}
	}
	return before, after, nil
}

// Delete removes the object and waits until it is gone.
func (p *Provider) Delete(ctx context.Context, req sdk.DeleteRequest) (sdk.DeleteResponse, error) {
	if p.cluster == nil && p.settings.deleteUnreachable {
		p.host.Log(ctx, diag.Warning, req.URN, "the cluster is unreachable; the resource is forgotten, as deleteUnreachable asks")
		return sdk.DeleteResponse{}, nil
	}
	c, err := p.need()
	if err != nil {
		return sdk.DeleteResponse{}, fmt.Errorf("%w; when the cluster is gone for good, "+
			"PULUMI_K8S_DELETE_UNREACHABLE=true removes its resources from the state", err)
	}
	if isRelease(req.URN) {
		return sdk.DeleteResponse{}, p.deleteRelease(ctx, c, req)
	}
	inputs, live := split(req.Outputs, req.Inputs)
	gvk := live.GroupVersionKind()
	if gvk.Kind == "" {
		if gvk, err = kindOf(req.URN); err != nil {
			return sdk.DeleteResponse{}, err
		}
	}
	namespace, objectName := splitID(req.ID)
	client, err := c.client(gvk, namespace)
	if meta.IsNoMatchError(err) {
		return sdk.DeleteResponse{}, nil // the kind went, and its objects with it
	}
	if err != nil {
		return sdk.DeleteResponse{}, err
	}

	call, done := p.during(ctx, req.URN, p.timeout(req.Timeout, inputs))
	defer done()
	if isPatch(req.URN, inputs.GetKind()) {
		body := bare(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{
			"name": objectName, "namespace": namespace,
		}}})
		body.SetGroupVersionKind(gvk)
		_, err := p.apply(call, client, p.scoped(c, body), fieldManager(req.Outputs, inputs), false, false)
		if err != nil && !apierrors.IsNotFound(err) {
			return sdk.DeleteResponse{}, explain("release the fields of", inputs, err)
		}
		return sdk.DeleteResponse{}, nil
	}

	propagation := propagationOf(inputs)
	err = client.Delete(call, objectName, metav1.DeleteOptions{PropagationPolicy: &propagation})
	if apierrors.IsNotFound(err) {
		return sdk.DeleteResponse{}, nil
	}
	if err != nil {
		return sdk.DeleteResponse{}, explain("delete", live, err)
	}
	if isDefinition(live) {
		defer c.forget()
	}
	if annotation(inputs, skipAwaitAnnotation) == "true" && skipsAwaitOnDelete(gvk) {
		return sdk.DeleteResponse{}, nil
	}
	return sdk.DeleteResponse{}, p.awaitDeletion(call, client, req.URN, gvk, objectName, live.GetUID())
}

// skipsAwaitOnDelete lists the kinds for which skipAwait also skips waiting
// for the end.
func skipsAwaitOnDelete(gvk schema.GroupVersionKind) bool {
	switch gvk.GroupKind() {
	case schema.GroupKind{Kind: "Namespace"}, schema.GroupKind{Kind: "Pod"},
		schema.GroupKind{Kind: "ReplicationController"},
		schema.GroupKind{Group: "apps", Kind: "DaemonSet"},
		schema.GroupKind{Group: "apps", Kind: "Deployment"},
		schema.GroupKind{Group: "apps", Kind: "StatefulSet"},
		schema.GroupKind{Group: "batch", Kind: "Job"}:
		return true
	default:
		return false
	}
}

// propagationOf says what happens to what the object owns.
func propagationOf(inputs *unstructured.Unstructured) metav1.DeletionPropagation {
	switch strings.ToLower(annotation(inputs, propagationAnnotation)) {
	case "orphan":
		return metav1.DeletePropagationOrphan
	case "background":
		return metav1.DeletePropagationBackground
	default:
		return metav1.DeletePropagationForeground
	}
}

// state is what the engine keeps of an object: all of it, and beside it the
// inputs it was made from.
func state(
	inputs, live *unstructured.Unstructured, source resource.PropertyMap, manager string,
) resource.PropertyMap {
	outputs := propertyMap(live.Object)
	keepSecrets(outputs, source)
	kept := propertyMap(inputs.Object)
	keepSecrets(kept, source)
	outputs[inputsKey] = resource.NewObjectProperty(kept)
	outputs[fieldManagerKey] = resource.NewStringProperty(manager)
	outputs[apiVersionKey] = resource.NewStringProperty(inputs.GetAPIVersion())
	return outputs
}

// split takes a state apart again. The engine's own record of the inputs
// serves where the state holds none.
func split(outputs, inputs resource.PropertyMap) (oldInputs, live *unstructured.Unstructured) {
	object := plainMap(outputs)
	old, ok := object[inputsKey].(map[string]any)
	if !ok {
		old = plainMap(inputs)
	}
	for _, key := range []string{inputsKey, fieldManagerKey, apiVersionKey} {
		delete(object, key)
	}
	return &unstructured.Unstructured{Object: old}, &unstructured.Unstructured{Object: object}
}

// explain names the object that an operation failed on, and wraps the API
// server's error.
func explain(verb string, object *unstructured.Unstructured, err error) error {
	id := joinID(object.GetNamespace(), object.GetName())
	what := fmt.Sprintf("cannot %s %s %s", verb, object.GetKind(), id)
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: the API server does not know its apiVersion %s; is the custom resource definition installed? %w",
			what, object.GetAPIVersion(), err)
	case verb == "create" && apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s: %w. To manage the existing object, import it (pulumi import), "+
			"change some of its fields with a Patch resource, or set upsertExistingObjects on the provider", what, err)
	case apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict):
		return fmt.Errorf("%s: another field manager owns what it sets; "+
			"the annotation %s: \"true\" takes it over: %w", what, patchForceAnnotation, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// notReady records an object that exists and did not become ready.
func notReady(
	id resource.ID, live *unstructured.Unstructured, outputs, inputs resource.PropertyMap, err error,
) error {
	reasons := []string{fmt.Sprintf("%s %s is not ready: %v", live.GetKind(), id, err)}
	var waiting *waitError
	if errors.As(err, &waiting) {
		reasons = append(reasons, waiting.reasons...)
	}
	return &plugin.InitError{ID: id, Reasons: reasons, Outputs: outputs, Inputs: inputs}
}
