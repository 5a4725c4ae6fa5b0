"""The frame: settings, entry points, the kernel under all apps and the workflows above them."""

import gc

# Every process of the portal begins here. Reading it in makes some 350 000 objects, all of which stay; to look for
# garbage after each 700 of them, as Python does by itself, took a fifth of every start and some of every request.
# Once all is read in, `KernelConfig.ready` takes what is there out of the search (docs/adr/0036).
gc.set_threshold(20_000, 20, 20)
