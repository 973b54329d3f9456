"""Files as the vendor would give them, synthetic."""

from __future__ import annotations

import io
import zipfile

__all__ = ["einvoice", "ofd", "pdf"]


def pdf(text: str = "") -> bytes:
    return b"%PDF-1.7\n% " + text.encode() + b"\n%%EOF\n"


def ofd(*names: str) -> bytes:
    """A container with OFD.xml and whatever else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name in names or ("OFD.xml", "Doc_0/Document.xml"):
            container.writestr(zipfile.ZipInfo(name), b"<ofd/>")
    return buffer.getvalue()


def einvoice(number: str, total: str = "114.00") -> bytes:
    """The XML of a digital invoice with two lines."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<EInvoice><Header><EIid>{number}</EIid><EInvoiceTag>SWEI3200</EInvoiceTag><Version>0.2</Version>
<InherentLabel><InIssuType><LabelCode>Y</LabelCode><LabelName>是否蓝字发票</LabelName></InIssuType>
<EInvoiceType><LabelCode>01</LabelCode><LabelName>电子发票</LabelName></EInvoiceType>
<GeneralOrSpecialVAT><LabelCode>01</LabelCode><LabelName>增值税专用发票</LabelName></GeneralOrSpecialVAT></InherentLabel></Header>
<EInvoiceData>
<SellerInformation><SellerIdNum>91990000000000002X</SellerIdNum><SellerName>甲乙丙测试有限公司</SellerName>
<SellerAddr>测试路1号</SellerAddr><SellerTelNum>000-0000000</SellerTelNum></SellerInformation>
<BuyerInformation><BuyerIdNum>91990000000000001X</BuyerIdNum><BuyerName>丁戊己测试有限公司</BuyerName></BuyerInformation>
<BasicInformation><TotalAmWithoutTax>101.00</TotalAmWithoutTax><TotalTaxAm>13.00</TotalTaxAm>
<TotalTax-includedAmount>{total}</TotalTax-includedAmount><Drawer>测试员</Drawer>
<RequestTime>2024-11-05 10:11:12</RequestTime></BasicInformation>
<IssuItemInformation><ItemName>*软件*测试服务</ItemName><Quantity>1</Quantity><UnPrice>101</UnPrice><Amount>101.00</Amount>
<TaxRate>0.13</TaxRate><ComTaxAm>13.00</ComTaxAm><TotaltaxIncludedAmount>114.00</TotaltaxIncludedAmount>
<TaxClassificationCode>3040201010000000000</TaxClassificationCode><NewField>新</NewField></IssuItemInformation>
<IssuItemInformation><ItemName>*软件*测试服务</ItemName><Amount>0.00</Amount><TaxRate>免税</TaxRate><ComTaxAm>0.00</ComTaxAm>
</IssuItemInformation>
<AdditionalInformation><Remark>一行
两行</Remark></AdditionalInformation>
</EInvoiceData>
<TaxSupervisionInfo><InvoiceNumber>{number}</InvoiceNumber><IssueTime>2024-11-05</IssueTime>
<TaxBureauCode>99000000000</TaxBureauCode></TaxSupervisionInfo></EInvoice>""".encode()
