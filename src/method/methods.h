#pragma once
#include "method/registry.h"

/// The methods that are built in. registry.cpp lists them.
namespace san {

/// CLIP with a side adapter (Xu et al., CVPR 2023); all three methods run it.
ArchitectureInfo san_architecture();

/// The whole network: the adapter's masks, named by CLIP's deep blocks under the adapter's attention biases.
MethodInfo san_method();
/// Dense CLIP features, no adapter (Zhou et al., ECCV 2022): similarities on CLIP's patch grid.
MethodInfo maskclip_method();
/// Two stages: the adapter's masks, each cut out of the picture and named by CLIP alone.
MethodInfo crops_method();

}  // namespace san
