# %% [markdown]
# # Ten minutes
#
# From two bits to your own table, in steps that you can run: the outputs on this page are
# from when it was built. [Download it as a notebook](tutorial.ipynb). You need
# `pip install -e ".[estimate,plot]"` in a clone of the repository
# ([installation](installation.md)), from whose folder it is run.
#
# ## What the four numbers mean
#
# Two sources X and Y say something about a target Z. Partial information decomposition
# splits what they say into four parts. Start with a case that needs no computer: X and Y
# are fair coins, and Z is 1 if both are 1.

# %%
import fastpid

p = fastpid.gates.and_()  # p[x, y, z]: the target is the last axis
print(p.shape)
print(fastpid.decompose(p))

# %% [markdown]
# * **redundancy**: what either source says by itself, and it is the same thing. Knowing
#   that X is 0 settles Z; so does knowing that Y is 0.
# * **unique**: what one source says and the other does not. There is none: the gate treats
#   both alike.
# * **synergy**: what takes both. Only the two together decide whether Z is 1.
#
# The four add up to I(X, Y; Z), all that X and Y say about Z. Everything is in bits. The
# last two lines are the *certificate*: the one number that is optimised, the union
# information, lies between the two bounds for certain. Four gates show the four atoms one
# by one (redundancy, both unique informations, synergy):

# %%
for name in ("rdn", "unq", "xor", "copy"):
    d = fastpid.decompose(getattr(fastpid.gates, name)())
    atoms = (d.redundancy, d.unique_x, d.unique_y, d.synergy)
    print(f"{name:6}", "  ".join(f"{atom:.2f}" for atom in atoms))

# %% [markdown]
# In `xor` neither bit says anything by itself, and both together say all. In `unq` and
# `copy` the target is both bits at once: each source knows its own.
#
# ## A table of measurements
#
# 342 penguins of three species, with the lengths of their bills and flippers. How much do
# the two lengths say about the species? Numbers have to become symbols first: `bins=4` cuts
# each length into four bins with as many penguins in each.

# %%
names = ["bill_length_mm", "flipper_length_mm", "species"]
table = fastpid.joint.from_file("docs/data/penguins.csv", *names, bins=4)
print(table)
print(fastpid.decompose(table))

# %% [markdown]
# The two lengths share 0.35 bit about the species, each has about 0.4 bit of its own, and
# 0.1 bit takes both. That is exact - about these counts. Is it true of penguins?
#
# ## From samples to a statement
#
# Chance correlations look like information, most of all like synergy. `estimate` takes the
# bias out, and adds an interval and a test for every atom:

# %%
import pandas as pd

penguins = pd.read_csv("docs/data/penguins.csv").dropna(subset=names)
e = fastpid.estimate(*names, data=penguins, bins=4, rng=0)
print(e)
e.plot()

# %% [markdown]
# Read it from left to right: the plug-in value (what `decompose` says), the value with its
# bias taken out, its 95% interval, what samples give that have no such atom, and the
# p-value. All four atoms are there: no interval holds zero.
#
# What does it look like where there is nothing? Shuffle the species:

# %%
shuffled = penguins.assign(species=penguins["species"].sample(frac=1, random_state=0).to_numpy())
nothing = fastpid.estimate(*names, data=shuffled, bins=4, rng=0)
print(nothing)

# %% [markdown]
# The plug-in synergy is not zero, and would not be for any shuffle; the p-value says that
# it means nothing.
#
# ## Is the number of bins a choice that matters?
#
# Then look whether it makes a difference:

# %%
s = fastpid.stability(
    *names,
    data=penguins,
    bins=[2, 3, 4, 6, 8],
    n_bootstrap=100,
    n_permutations=0,
    rng=0,
)
print(s)
s.plot()

# %% [markdown]
# Two bins hide some of what the lengths say. From four on, atoms move by about the width of
# an interval or less, while the samples get thinner: [how many bins, how many
# samples](bins-and-samples.md).
#
# ## Many columns
#
# Which pair of columns says most together? `screen` takes all pairs:

# %%
columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
found = fastpid.screen(
    penguins[columns],
    penguins["species"],
    bins=4,
    test="permutation",
    rng=0,
)
print(found)

# %% [markdown]
# ## Many tables at once
#
# Leading axes are a batch. A thousand tables take one call, each with a certificate of its
# own:

# %%
import numpy as np

batch = np.random.default_rng(0).dirichlet(np.ones(27), 1000).reshape(1000, 3, 3, 3)
d = fastpid.decompose(batch)
print(d.synergy.shape, "largest gap:", d.gap.max())

# %% [markdown]
# ## Your own table
#
# A CSV file with a column for each source and one for the target is all it takes. At the
# command line:
#
# ```text
# fastpid estimate yours.csv --x COLUMN --y COLUMN --z TARGET --bins 4
# ```
#
# and in Python `fastpid.joint.from_file("yours.csv", "x", "y", "z", bins=4)`, or any frame
# as above.
#
# ## Where to go on
#
# * [Which page for which question](guides.md): spikes over time, more than two sources,
#   features of networks, Gaussian variables, training.
# * [Reading a result](reading-a-result.md): every field, and how to check a certificate by
#   yourself.
# * [Glossary](glossary.md) and [questions](faq.md).
