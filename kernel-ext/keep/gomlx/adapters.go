package keepgomlx

import (
	"fmt"
	"reflect"

	"gantry.local/kernel-ext/keep"
)

// Adapters lists those of GoMLX's types.
func Adapters() []keep.Foreign {
	all := []keep.Foreign{
		adapter(keptTensorOf), adapter(keptStoreOf), adapter(keptVariableOf), adapter(keptScopeOf),
		adapter(keptGraphExecOf), adapter(keptModelExecOf), adapter(keptXLAOf),
	}
	if b, err := newGo(); err == nil { // whose type has no name outside of GoMLX
		all = append(all, keep.Adapter{Type: reflect.TypeOf(b), Kept: keptGoOf})
		b.Finalize()
	}
	return append(all, never()...)
}

// adapter makes a keep.Adapter of what keeps a *T.
func adapter[T any](kept func(*T) (any, error)) keep.Adapter {
	return keep.Adapter{Type: reflect.TypeFor[*T](), Kept: func(value any) (any, error) { return kept(value.(*T)) }}
}

// unexported returns the field of a struct of GoMLX that its package does not export.
func unexported[F any](of any, name string) (*F, error) {
	field := reflect.ValueOf(of).Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[F]() {
		return nil, fmt.Errorf("%T of this version of GoMLX cannot be kept", of)
	}
	return (*F)(field.Addr().UnsafePointer()), nil
}
