using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CoScientist.Core.Goals;

/// <summary>Draws the part of the data by article, so that goals of one article never stand on both sides.</summary>
public static class GoalSplits
{
    /// <summary>Share of articles to train on.</summary>
    public const double TrainShare = 0.8;

    /// <summary>Share of articles to pick checkpoints by; the rest is reported on.</summary>
    public const double ValidationShare = 0.1;

    /// <summary>Part of an article: the same key and seed give the same part everywhere.</summary>
    /// <param name="articleKey">Identifier of the article (content hash of a paper, article id of a dataset).</param>
    /// <param name="seed">Seed of the draw; 0 is what imports use.</param>
    public static GoalSplit Of(string articleKey, long seed = 0)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{seed}/{articleKey}")));
        var place = BinaryPrimitives.ReadUInt64LittleEndian(hash) / (double)ulong.MaxValue;
        return place < TrainShare ? GoalSplit.Train : place < TrainShare + ValidationShare ? GoalSplit.Validation : GoalSplit.Test;
    }
}
