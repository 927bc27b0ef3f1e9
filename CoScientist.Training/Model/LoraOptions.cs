namespace CoScientist.Training.Model;

/// <summary>Low-rank adapters (Hu et al. 2021, arXiv 2106.09685): y = x·Wᵀ + s·dropout(x)·Aᵀ·Bᵀ, with W frozen, A [r, K] and B [M, r] trained.</summary>
public sealed record LoraOptions
{
    /// <summary>Rank of the change, r. Default 64.</summary>
    public int Rank { get; init; } = 64;

    /// <summary>Strength, α. Default 128.</summary>
    public double Alpha { get; init; } = 128;

    /// <summary>Chance that an input of the adapter is dropped while training. Default 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Divides by √r instead of r, so that high ranks learn as fast (Kalajdzievski 2023, arXiv 2312.03732). Default false.</summary>
    public bool RankStabilised { get; init; }

    /// <summary>Linear layers that get an adapter, by the end of their names as in PEFT; "all-linear" for every one but the head, which has to be named ("lm_head") and must not be the embedding. Default: all of attention and feed-forward.</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>Seed of A and of the dropped inputs. B starts at zero.</summary>
    public long Seed { get; init; }

    /// <summary>s = α/r, or α/√r.</summary>
    public double Scale => Alpha / (RankStabilised ? Math.Sqrt(Rank) : Rank);

    /// <summary>Checks every field.</summary>
    /// <exception cref="InvalidDataException">Names every fault at once.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        if (Rank is < 1 or > 4096)
        {
            faults.Add($"{nameof(Rank)} ({Rank}) must be from 1 to 4096");
        }

        if (!double.IsFinite(Alpha) || Alpha <= 0)
        {
            faults.Add($"{nameof(Alpha)} ({Alpha}) must be a finite number above 0");
        }

        if (!(Dropout is >= 0 and < 1))
        {
            faults.Add($"{nameof(Dropout)} ({Dropout}) must be at least 0 and below 1");
        }

        if (TargetModules.Count == 0)
        {
            faults.Add($"{nameof(TargetModules)} is empty; name at least one linear layer, such as q_proj");
        }

        if (faults.Count > 0)
        {
            throw new InvalidDataException($"The adapter is not usable: {string.Join("; ", faults)}.");
        }
    }

    /// <summary>Whether a layer gets an adapter, which the embedding never does.</summary>
    internal bool Targets(string name) => name != Transformer.Embedding && TargetModules.Any(target => (target == "all-linear" && name != Transformer.UntiedHead) || name == target || name.EndsWith("." + target, StringComparison.Ordinal));
}
