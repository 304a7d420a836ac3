package keepgomlx

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// keptStore stands in for a store.
type keptStore struct {
	Params          []keptParam
	Variables       []keptVariable // in the order of their creation
	VariableAsConst bool
}

// keptParam is a hyperparameter.
type keptParam struct {
	Path  string
	Value any
}

// keptVariable is a variable and its value, which stays one with a tensor that a notebook holds beside the store.
type keptVariable struct {
	Path      string
	Value     *tensors.Tensor
	Trainable bool
}

// keptStoreOf leaves out variables without a value: the graph function that makes them does so again.
func keptStoreOf(s *model.Store) (any, error) {
	if s.Loader() != nil {
		return nil, errors.New("a store with a loader of checkpoints: build the checkpoint handler in the cell that uses it")
	}
	k := keptStore{VariableAsConst: s.VariablesAsConst()}
	for path, value := range s.IterParams() {
		k.Params = append(k.Params, keptParam{path, value})
	}
	for v := range s.IterVariables() {
		if v.ShardingSpec() != nil {
			return nil, fmt.Errorf("variable %s, which is spread over several devices", v.Path())
		}
		if !v.HasValue() {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		k.Variables = append(k.Variables, keptVariable{v.Path(), value, v.Trainable})
	}
	return k, nil
}

// Restored returns the store again.
func (k keptStore) Restored() (any, error) {
	s := model.NewStore().WithVariableAsConst(k.VariableAsConst)
	for _, p := range k.Params {
		s.SetParam(p.Path, p.Value)
	}
	for _, kept := range k.Variables {
		v, err := s.CreateVariable(kept.Path, kept.Value)
		if err != nil {
			return nil, err
		}
		v.SetTrainable(kept.Trainable)
	}
	return s, nil
}

// keptPlace stands in for a variable, by its place in a store.
type keptPlace struct {
	Store *model.Store
	Path  string
}

func keptVariableOf(v *model.Variable) (any, error) {
	store, err := unexported[*model.Store](v, "store")
	if err != nil {
		return nil, err
	}
	if *store == nil || !v.IsValid() || !v.HasValue() {
		return nil, fmt.Errorf("the variable %s, which has no value yet", v.Path())
	}
	return keptPlace{*store, v.Path()}, nil
}

// Restored returns the variable again.
func (k keptPlace) Restored() (any, error) {
	v := k.Store.GetVariable(k.Path)
	if v == nil {
		return nil, fmt.Errorf("the store has no variable %s", k.Path)
	}
	return v, nil
}

// keptScope stands in for a scope.
type keptScope struct {
	Store *model.Store
	Path  string
}

func keptScopeOf(s *model.Scope) (any, error) {
	code := func(scope *model.Scope) uintptr { return reflect.ValueOf(scope.Initializer()).Pointer() }
	if s.Initializer() == nil || code(s) != code(s.Store().Scope(s.Scope())) {
		return nil, errors.New("a scope with an initializer of its own: make it in the cell that uses it")
	}
	return keptScope{s.Store(), s.Scope()}, nil
}

// Restored returns the scope again.
func (k keptScope) Restored() (any, error) { return k.Store.Scope(k.Path), nil }
