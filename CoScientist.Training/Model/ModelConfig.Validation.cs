namespace CoScientist.Training.Model;

/// <content>What makes a configuration usable.</content>
public sealed partial record ModelConfig
{
    private const int MostExperts = 4096;

    /// <summary>Checks every field.</summary>
    /// <exception cref="InvalidDataException">Names every fault at once, by field.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        Positive(nameof(VocabularySize), VocabularySize);
        Positive(nameof(HiddenSize), HiddenSize);
        Positive(nameof(Layers), Layers);
        Positive(nameof(Heads), Heads);
        Positive(nameof(KeyValueHeads), KeyValueHeads);
        Positive(nameof(HeadDim), HeadDim);
        Positive(nameof(FeedForwardSize), FeedForwardSize);
        Positive(nameof(MaxPositions), MaxPositions);
        if (Layers > MostLayers)
        {
            faults.Add($"{nameof(Layers)} ({Layers}) must be at most {MostLayers}");
        }

        if (Heads >= 1 && KeyValueHeads >= 1 && Heads % KeyValueHeads != 0)
        {
            faults.Add($"{nameof(KeyValueHeads)} ({KeyValueHeads}) must divide {nameof(Heads)} ({Heads})");
        }

        if (HeadDim >= 1 && HeadDim % 2 != 0)
        {
            faults.Add($"{nameof(HeadDim)} ({HeadDim}) must be even, because rotary positions turn pairs");
        }

        if (!double.IsFinite(RopeTheta) || RopeTheta <= 1)
        {
            faults.Add($"{nameof(RopeTheta)} ({RopeTheta}) must be a finite number above 1");
        }

        if (!double.IsFinite(RmsNormEpsilon) || RmsNormEpsilon <= 0)
        {
            faults.Add($"{nameof(RmsNormEpsilon)} ({RmsNormEpsilon}) must be a finite number above 0");
        }

        ValidateBiases(faults);
        ValidateScaling(faults);
        ValidateWindow(faults);
        ValidateExperts(faults);

        // Each weight has to fit one array: the engine addresses elements with 32 bits.
        if (faults.Count == 0)
        {
            Fits($"{nameof(Heads)} × {nameof(HeadDim)} × {nameof(HiddenSize)}", (decimal)Heads * HeadDim * HiddenSize);
            Fits($"{nameof(VocabularySize)} × {nameof(HiddenSize)}", (decimal)VocabularySize * HiddenSize);
            Fits($"{nameof(FeedForwardSize)} × {nameof(HiddenSize)}", (decimal)FeedForwardSize * HiddenSize);
            Fits($"{nameof(ExpertSize)} × {nameof(HiddenSize)}", (decimal)ExpertSize * HiddenSize);
        }

        if (faults.Count > 0)
        {
            throw new InvalidDataException($"The model configuration is not usable: {string.Join("; ", faults)}.");
        }

        void Positive(string name, int value)
        {
            if (value < 1)
            {
                faults.Add($"{name} ({value}) must be at least 1");
            }
        }

        void Fits(string name, decimal count)
        {
            if (count > int.MaxValue)
            {
                faults.Add($"{name} ({count}) exceeds {int.MaxValue} elements in one weight");
            }
        }
    }

    /// <summary>Biases come in the combinations that an architecture has, which a written configuration can say.</summary>
    private void ValidateBiases(List<string> faults)
    {
        if (OutputBias && !AttentionBias)
        {
            faults.Add($"{nameof(OutputBias)} is set without {nameof(AttentionBias)}, which no supported architecture has");
        }

        if (QkNorm && AttentionBias && !OutputBias)
        {
            faults.Add($"{nameof(QkNorm)} and {nameof(AttentionBias)} are set without {nameof(OutputBias)}, which no supported architecture has");
        }

        if (FeedForwardBias && (QkNorm || (AttentionBias && !OutputBias)))
        {
            faults.Add($"{nameof(FeedForwardBias)} is for models like Llama's: without {nameof(QkNorm)}, and with all biases of attention or none");
        }

        if (!QkNorm && SlidingLayers.Indices.Count > 0 && (OutputBias || FeedForwardBias))
        {
            faults.Add($"{nameof(SlidingLayers)} with {(OutputBias ? nameof(OutputBias) : nameof(FeedForwardBias))} is no supported architecture");
        }
    }

    private void ValidateScaling(List<string> faults)
    {
        if (RopeScaling is not { } scaling)
        {
            return;
        }

        if (!double.IsFinite(scaling.Factor) || scaling.Factor < 1)
        {
            faults.Add($"{nameof(RopeScaling)}.{nameof(scaling.Factor)} ({scaling.Factor}) must be a finite number of at least 1");
        }

        if (scaling.OriginalMaxPositions < 1)
        {
            faults.Add($"{nameof(RopeScaling)}.{nameof(scaling.OriginalMaxPositions)} ({scaling.OriginalMaxPositions}) must be at least 1");
        }

        if (scaling.Kind == RopeScalingKind.Llama3 && !(scaling.LowFrequencyFactor > 0 && scaling.HighFrequencyFactor > scaling.LowFrequencyFactor))
        {
            faults.Add($"{nameof(RopeScaling)}.{nameof(scaling.LowFrequencyFactor)} ({scaling.LowFrequencyFactor}) must be above 0 and below {nameof(scaling.HighFrequencyFactor)} ({scaling.HighFrequencyFactor})");
        }

        if (scaling.Kind == RopeScalingKind.Yarn && !(scaling.BetaSlow > 0 && scaling.BetaFast >= scaling.BetaSlow && scaling.AttentionFactor >= 0))
        {
            faults.Add($"{nameof(RopeScaling)}.{nameof(scaling.BetaSlow)} ({scaling.BetaSlow}) must be above 0 and not above {nameof(scaling.BetaFast)} ({scaling.BetaFast}), and {nameof(scaling.AttentionFactor)} ({scaling.AttentionFactor}) not negative");
        }
    }

    private void ValidateWindow(List<string> faults)
    {
        if (SlidingWindow < 0 || (SlidingLayers.Indices.Count > 0 && SlidingWindow == 0))
        {
            faults.Add($"{nameof(SlidingWindow)} ({SlidingWindow}) must be at least 1 where layers slide");
        }

        if (SlidingLayers.Indices.Count > 0 && SlidingLayers.Indices.Max() >= Layers)
        {
            faults.Add($"{nameof(SlidingLayers)} {SlidingLayers} names a layer that the model of {Layers} layers lacks");
        }
    }

    private void ValidateExperts(List<string> faults)
    {
        if (Experts < 0 || Experts > MostExperts || (Experts > 0 && (ExpertsPerToken < 1 || ExpertsPerToken > Experts || ExpertSize < 1)))
        {
            faults.Add($"{nameof(Experts)} ({Experts}) need an {nameof(ExpertSize)} ({ExpertSize}) of at least 1 and {nameof(ExpertsPerToken)} ({ExpertsPerToken}) from 1 to their number, at most {MostExperts}");
        }

        if (Experts > 0 && !QkNorm)
        {
            faults.Add($"{nameof(Experts)} ({Experts}) without {nameof(QkNorm)} is no supported architecture");
        }

        if (DenseLayers.Indices.Count > 0 && (Experts == 0 || DenseLayers.Indices.Max() >= Layers))
        {
            faults.Add($"{nameof(DenseLayers)} {DenseLayers} names layers that have no experts to leave out");
        }
    }
}
